#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "base/clock.h"
#include "telemetry/delivery.h"

namespace shoal::http {

struct WebClientOptions {
    /// For one request, from the look-up of the name to the answer.
    Milliseconds timeout{10'000};
    /// Authorities in PEM; empty: the system's.
    std::string ca_file{};
};

/// Posts to web servers. With https a certificate must be valid for the URL's host. Redirections
/// are not followed.
class WebClient final : public telemetry::Poster {
  public:
    explicit WebClient(boost::asio::io_context& loop, WebClientOptions options = {});
    ~WebClient() override;

    void post(const std::string& url, std::string content_type, std::string body,
              telemetry::Delivery::OnDone on_done) override;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace shoal::http
