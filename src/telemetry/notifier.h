#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "telemetry/delivery.h"
#include "telemetry/event.h"

namespace shoal::telemetry {

struct NotifierOptions {
    /// How long after a failure it is tried again, once for each.
    std::vector<Milliseconds> pauses{Milliseconds(2'000), Milliseconds(10'000)};
    /// Notifications that wait, for each way of each [[notification]].
    std::size_t most_waiting = 200;
};

/// Tells events to those who want to be told. Nothing here waits or fails for its caller: what
/// cannot be delivered, or waits behind too many others, is logged and gone.
class Notifier {
  public:
    using MakeDeliveries =
        std::function<std::vector<std::shared_ptr<Delivery>>(const model::Notification&)>;

    Notifier(boost::asio::io_context& loop, MakeDeliveries make, NotifierOptions options = {});
    ~Notifier();

    /// `director` is filled into events that name none. Notifications that stay as they were keep
    /// what waits.
    void set_notifications(const std::vector<model::Notification>& notifications,
                           std::string director);
    void tell(const Event& event);

  private:
    class Channel;
    struct Told {
        model::Notification notification;
        std::vector<std::shared_ptr<Channel>> channels;
    };

    Told make(const model::Notification& notification) const;

    boost::asio::io_context& loop_;
    MakeDeliveries make_;
    NotifierOptions options_;
    std::string director_;
    std::vector<Told> told_;
};

}  // namespace shoal::telemetry
