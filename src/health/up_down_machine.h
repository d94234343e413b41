#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "model/status.h"

namespace shoal::health {

/// The pause before a definite failure is checked again, and before a check that could not be
/// made is tried again.
inline constexpr Milliseconds repeat_pause{200};

struct Timing {
    /// How long an up server may be silent before it is taken out.
    Milliseconds service_timeout{};
    /// How long a down server must answer every check before it is brought back; 0: no time.
    Milliseconds reentry_time{};
    /// From the start of one check to the start of the next; at least 1 ms.
    Milliseconds interval{};
    /// Each further failure doubles the re-entry time, up to this; so long up, and the failures are
    /// forgiven. 0: never doubled.
    Milliseconds flap_damping{};
    bool operator==(const Timing&) const = default;
};

/// Decides from the checks of one real server whether it is up, and when it is checked next. The
/// caller runs at most one check at a time, calls `time_passed` at `wake_at()`, then starts a check
/// if `check_due()` has come, and reports how it ended.
class UpDownMachine {
  public:
    /// The regular checks lie at `second_check` and every interval from there, so that the checks
    /// of many servers can be spread. `assumed_up` begins as up instead of unknown, as if it had
    /// answered at `first_check`: a daemon that was restarted must not end the connections of a
    /// good server for one lost packet.
    UpDownMachine(Timing timing, TimePoint first_check, TimePoint second_check, bool assumed_up);

    /// Keeps the verdict and what led to it.
    void set_timing(Timing timing, TimePoint now);

    void check_started(TimePoint now);
    void check_answered(TimePoint now);
    /// A definite failure: refused, reset, unreachable, wrong answer.
    void check_failed(TimePoint now, std::string reason);
    /// The check timed out.
    void check_silent(TimePoint now, std::string reason);
    /// The check says nothing of the server: it could not be made, or was given up.
    void check_abandoned(TimePoint now, std::string reason);
    /// Takes out a server whose service timeout passes between two checks.
    void time_passed(TimePoint now);

    model::Health health() const { return health_; }
    /// What the last check saw, in words; empty while all is well.
    const std::string& reason() const { return reason_; }
    /// When the next check starts. Without meaning while one runs.
    TimePoint check_due() const;
    /// When there is something to do; nothing while a check runs.
    std::optional<TimePoint> wake_at() const;

  private:
    enum class LastCheck { well, failed, silent };

    /// From where it was watched to `now` nobody could see whether the server was silent.
    void not_watched_until(TimePoint now);
    void become_up(TimePoint now);
    void become_down(TimePoint now);
    void become(model::Health health);
    void failure_while_not_up(TimePoint now);
    /// With what the failures before add to it.
    Milliseconds reentry_time() const;
    /// Why a server that answers is not up.
    std::string waiting_words() const;
    /// When silence takes the server out, if it goes on.
    TimePoint silence_ends() const { return last_answer_ + timing_.service_timeout; }
    bool is_up() const { return decided_ && health_ == model::Health::up; }

    Timing timing_;
    model::Health health_;
    std::string reason_;
    /// False until the first check has ended.
    bool checked_ = false;
    /// Where it is false the first check decides at once.
    bool decided_ = false;
    bool running_ = false;
    TimePoint first_check_;
    /// The next regular check.
    TimePoint next_slot_;
    /// No check starts before.
    TimePoint not_before_;
    LastCheck last_check_ = LastCheck::well;
    /// Later than it was by all the time for which the director could not check: that is no
    /// silence of the server's.
    TimePoint last_answer_;
    /// Until then the silence was seen, or left out.
    TimePoint watched_until_;
    /// The last check could not be made, so nothing is seen until the next one.
    bool blind_ = false;
    TimePoint up_since_;
    /// How often it went down since they were last forgiven.
    std::uint32_t failures_ = 0;
    /// While down: the first of the good answers that no failure has interrupted.
    std::optional<TimePoint> answering_since_;
};

}  // namespace shoal::health
