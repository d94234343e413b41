#include "health/check_run.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "health/check_reason.h"

namespace shoal::health {

namespace asio = boost::asio;

namespace {

std::int64_t microseconds_since(TimePoint when) {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - when).count();
}

}  // namespace

CheckRun::CheckRun(CheckTools& tools, CheckOrder order, Milliseconds allowance)
    : tools_(tools),
      question_(std::move(order.question)),
      timeout_(order.timeout),
      allowance_(allowance),
      on_done_(std::move(order.on_done)),
      transcript_(std::move(order.transcript)),
      timer_(tools.loop),
      began_(Clock::now()) {}

void CheckRun::begin() {
    if (auto result = start()) {
        asio::post(tools_.loop, [run = shared_from_this(), result = *std::move(result)]() mutable {
            run->finish(std::move(result));
        });
        return;
    }
    timer_.expires_at(began_ + timeout_ + allowance_);
    timer_.async_wait([run = shared_from_this()](const boost::system::error_code& error) {
        if (!error && !run->is_over()) run->finish(run->result_at_end());
    });
}

CheckResult CheckRun::result_at_end() {
    // Beyond it the process was stopped or swapped out, and is not merely busy.
    constexpr Milliseconds most_late{1000};
    const auto late = Clock::now() - timer_.expiry();
    auto result = time_is_up();
    if (result.outcome != Outcome::silent || late < most_late) return result;
    return {Outcome::not_asked, "the director itself stood still for " +
                                    in_words(std::chrono::duration_cast<Milliseconds>(late))};
}

void CheckRun::finish(CheckResult result) {
    if (is_over()) return;
    const auto on_done = std::exchange(on_done_, nullptr);
    end();
    result = review(std::move(result));
    result.latency_us = microseconds_since(began_);
    if (result.heard.size() > most_heard) result.heard.resize(most_heard);
    if (transcript_) transcript_->result = result;
    on_done(result);
}

void CheckRun::give_up() {
    if (is_over()) return;
    on_done_ = nullptr;
    end();
}

void CheckRun::end() {
    timer_.cancel();
    release();
}

void CheckRun::note(std::string text) {
    // Who talks without end fills no memory.
    constexpr std::size_t most_lines = 1000;
    if (!transcript_ || transcript_->lines.size() >= most_lines) return;
    transcript_->lines.push_back({microseconds_since(began_), std::move(text)});
}

void CheckRun::note_bytes(std::string_view what, std::string_view bytes) {
    if (!transcript_) return;
    note(fmt::format("{} {} byte{}: {}", what, bytes.size(), bytes.size() == 1 ? "" : "s",
                     in_quotes(bytes, most_heard)));
}

}  // namespace shoal::health
