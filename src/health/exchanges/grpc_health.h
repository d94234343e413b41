#pragma once

#include <string>
#include <string_view>

// grpc.health.v1: what is asked, and what an answer means.

namespace shoal::health {

/// The body of a call of Health/Check; an empty service means the server as a whole.
std::string grpc_health_request(std::string_view service);

struct GrpcHealthAnswer {
    std::string_view http_status;
    /// From the trailers; empty where there are none.
    std::string_view grpc_status;
    std::string_view grpc_message;
    std::string_view body;
};

/// Empty: it serves.
std::string grpc_health_fault(const GrpcHealthAnswer& answer);

}  // namespace shoal::health
