#include "redundancy/announcements.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace shoal::redundancy {

namespace {

constexpr std::chrono::seconds pause{1};
constexpr int repetitions = 3;
/// A director may have thousands of addresses; the health checks and the API need the loop too.
constexpr int most_in_a_turn = 64;
constexpr std::chrono::milliseconds between_turns{5};

}  // namespace

Announcements::Announcements(boost::asio::io_context& loop, FloatingAddresses& addresses)
    : addresses_(addresses), timer_(loop) {}

void Announcements::repeat(const FloatingAddress& address) {
    const auto known = std::ranges::find(pending_, address, &Pending::address);
    if (known != pending_.end()) {
        known->times = repetitions;
        return;
    }
    const auto due = Clock::now() + pause;
    pending_.push_back({address, repetitions, due});
    if (pending_.size() == 1) schedule(due);
}

void Announcements::device_came_up(const std::string& device) {
    const auto ours = addresses_.observe();
    if (!ours) return;  // The self-check reads them too, and says what is wrong.
    for (const auto& address : *ours) {
        if (address.device.device == device) repeat(address);
    }
}

void Announcements::stop() {
    pending_.clear();
    timer_.cancel();
}

void Announcements::schedule(Clock::time_point when) {
    timer_.expires_at(when);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) take_turn();
    });
}

void Announcements::take_turn() {
    const auto now = Clock::now();
    for (int sent = 0; sent < most_in_a_turn; ++sent) {
        if (pending_.empty() || pending_.front().due > now) break;
        auto next = std::move(pending_.front());
        pending_.pop_front();
        announce(next.address);
        next.due = now + pause;
        if (--next.times > 0) pending_.push_back(std::move(next));
    }
    if (pending_.empty()) return;
    schedule(std::max(pending_.front().due, Clock::now() + between_turns));
}

void Announcements::announce(const FloatingAddress& address) {
    if (const auto sent = addresses_.announce(address); !sent) {
        log(Message::operation_failed, "announce {}: {}", address.address.to_string(),
            sent.error().message);
    }
}

}  // namespace shoal::redundancy
