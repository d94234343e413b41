#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "health/program_runner.h"
#include "telemetry/event.h"

namespace shoal::telemetry {

/// One way to tell an event.
class Delivery {
  public:
    using OnDone = std::function<void(const Result<void>&)>;

    virtual ~Delivery() = default;
    /// `on_done` is called once, from the loop and never from within this call; at the latest after
    /// some tens of seconds, and not any more once the loop ended.
    virtual void deliver(const Event& event, OnDone on_done) = 0;
    /// For the log: "the command /usr/local/bin/page-me".
    virtual std::string name() const = 0;
};

/// Sends a body to a URL by POST; an answer other than 2xx is an error. Implemented where HTTP is
/// spoken (http/web_client.h).
class Poster {
  public:
    virtual ~Poster() = default;
    /// `on_done` as in Delivery.
    virtual void post(const std::string& url, std::string content_type, std::string body,
                      Delivery::OnDone on_done) = 0;
};

/// What deliveries need.
struct DeliveryTools {
    boost::asio::io_context& loop;
    health::ProgramRunner& programs;
    Poster& poster;
};

/// One for each way that the notification names. The tools must outlive them.
std::vector<std::shared_ptr<Delivery>> deliveries_of(const model::Notification& notification,
                                                     const DeliveryTools& tools);

}  // namespace shoal::telemetry
