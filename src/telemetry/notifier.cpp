#include "telemetry/notifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <utility>

#include "base/log.h"
#include "telemetry/storm.h"

namespace shoal::telemetry {

namespace asio = boost::asio;
using boost::system::error_code;

/// One way of one notification: one event after the other, in their order.
class Notifier::Channel : public std::enable_shared_from_this<Channel> {
  public:
    Channel(asio::io_context& loop, std::string name, std::shared_ptr<Delivery> delivery,
            const NotifierOptions& options)
        : name_(std::move(name)),
          delivery_(std::move(delivery)),
          options_(options),
          storm_timer_(loop),
          retry_timer_(loop) {}

    void tell(const Event& event) {
        if (storm_.take(event, Clock::now()))
            add(event);
        else
            wait_for_the_storm();
    }

    /// What is on its way arrives; what waits does not.
    void close() {
        closed_ = true;
        waiting_.clear();
        storm_timer_.cancel();
        retry_timer_.cancel();
    }

  private:
    void wait_for_the_storm() {
        if (std::exchange(summing_up_, true)) return;
        storm_timer_.expires_at(*storm_.due());
        storm_timer_.async_wait([self = shared_from_this()](error_code error) {
            if (error || self->closed_) return;
            self->summing_up_ = false;
            self->add(self->storm_.sum_up(Clock::now()));
        });
    }

    void add(const Event& event) {
        if (waiting_.size() >= options_.most_waiting) {
            if (lost_++ == 0) report("too many notifications wait; one is left out", event);
            return;
        }
        lost_ = 0;
        waiting_.push_back(event);
        deliver_next();
    }

    void deliver_next() {
        if (closed_ || waiting_.empty() || std::exchange(under_way_, true)) return;
        attempts_ = 0;
        attempt();
    }

    void attempt() {
        delivery_->deliver(waiting_.front(), [self = shared_from_this()](const Result<void>& done) {
            if (!self->closed_) self->attempted(done);
        });
    }

    void attempted(const Result<void>& done) {
        if (!done && attempts_ < options_.pauses.size()) {
            retry_timer_.expires_after(options_.pauses[attempts_++]);
            retry_timer_.async_wait([self = shared_from_this()](error_code error) {
                if (!error && !self->closed_) self->attempt();
            });
            return;
        }
        if (!done) report(done.error().message, waiting_.front());
        waiting_.pop_front();
        under_way_ = false;
        deliver_next();
    }

    void report(const std::string& reason, const Event& event) const {
        log(Message::notification_failed, "{}, {}: {} ({})", name_, delivery_->name(), reason,
            sentence_of(event));
    }

    std::string name_;
    std::shared_ptr<Delivery> delivery_;
    NotifierOptions options_;
    Storm storm_;
    asio::steady_timer storm_timer_;
    bool summing_up_ = false;
    std::deque<Event> waiting_;
    /// The first of waiting_ is being delivered.
    bool under_way_ = false;
    std::size_t attempts_ = 0;
    asio::steady_timer retry_timer_;
    std::size_t lost_ = 0;
    bool closed_ = false;
};

Notifier::Notifier(boost::asio::io_context& loop, MakeDeliveries make, NotifierOptions options)
    : loop_(loop), make_(std::move(make)), options_(std::move(options)) {}

Notifier::~Notifier() {
    set_notifications({}, {});
}

Notifier::Told Notifier::make(const model::Notification& notification) const {
    Told told{notification, {}};
    for (auto& delivery : make_(notification))
        told.channels.push_back(
            std::make_shared<Channel>(loop_, notification.name, std::move(delivery), options_));
    return told;
}

void Notifier::set_notifications(const std::vector<model::Notification>& notifications,
                                 std::string director) {
    director_ = std::move(director);
    auto before = std::exchange(told_, {});
    for (const auto& notification : notifications) {
        const auto same = std::ranges::find(before, notification, &Told::notification);
        if (same == before.end()) {
            told_.push_back(make(notification));
        } else {
            told_.push_back(std::move(*same));
            before.erase(same);
        }
    }
    for (const auto& gone : before)
        for (const auto& channel : gone.channels)
            channel->close();
}

void Notifier::tell(const Event& event) {
    auto told = event;
    if (told.director.empty()) told.director = director_;
    if (told.time_ms == 0) told.time_ms = wall_clock_ms();
    for (const auto& [notification, channels] : told_) {
        if (!is_wanted(notification, told)) continue;
        for (const auto& channel : channels)
            channel->tell(told);
    }
}

}  // namespace shoal::telemetry
