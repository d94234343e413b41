#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace shoal::health {

class CheckRun;
class CheckTools;
struct Question;

enum class Outcome {
    answered,
    /// Refused, reset, unreachable, wrong answer.
    failed,
    /// Nothing, or not enough, until the timeout.
    silent,
    /// The director could not ask (no descriptors, no ports, its own firewall), or stood still when
    /// an answer may have come; this says nothing of the server.
    not_asked,
};

/// The most that is kept of what a server said.
inline constexpr std::size_t most_heard = 256;

struct CheckResult {
    Outcome outcome = Outcome::silent;
    /// In plain words; empty if `answered`.
    std::string reason;
    /// From the check's beginning to its end.
    std::int64_t latency_us = 0;
    /// The beginning of what came, at most `most_heard` bytes; any bytes.
    std::string heard{};
};

/// What happened in one check, for people.
struct Transcript {
    struct Line {
        /// Since the check began.
        std::int64_t at_us = 0;
        std::string text;
    };
    std::vector<Line> lines;
    /// Set when the check is over.
    std::optional<CheckResult> result;
};

/// One check of one real server. A TCP connection is ended by a reset, so that the director keeps
/// no TIME_WAIT socket.
class Check {
  public:
    using OnDone = std::function<void(const CheckResult&)>;

    /// `on_done` is called once, from the loop and never from within this call; `timeout` is above
    /// 0. `tools` must outlive the check. A transcript costs time; it is written where there is
    /// one.
    Check(CheckTools& tools, std::shared_ptr<const Question> question, Milliseconds timeout,
          OnDone on_done, std::shared_ptr<Transcript> transcript = nullptr);
    /// Gives the check up; `on_done` is then never called.
    ~Check();
    Check(const Check&) = delete;
    Check& operator=(const Check&) = delete;

  private:
    std::shared_ptr<CheckRun> run_;
};

}  // namespace shoal::health
