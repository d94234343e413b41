#pragma once

#include <memory>
#include <string>
#include <vector>

#include "telemetry/delivery.h"

namespace shoal::telemetry {

struct MailRoute {
    /// "host", "host:port" or "[address]:port"; without a port 25.
    std::string relay;
    std::string from;
    std::vector<std::string> to;
};

struct RelayAddress {
    std::string host;
    std::string port = "25";
};
/// An IPv6 address with a port stands in brackets.
RelayAddress relay_address(const std::string& relay);

/// Hands each event as a mail to the relay, over SMTP without TLS or login, within 30 s.
std::shared_ptr<Delivery> make_mail_delivery(boost::asio::io_context& loop, MailRoute route);

}  // namespace shoal::telemetry
