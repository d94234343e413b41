#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "base/wakeup.h"
#include "telemetry/event.h"

namespace shoal::telemetry {

/// Of an event. They grow, also from one shoald to the next.
struct EventId {
    /// Of the shoald that told it.
    std::uint64_t epoch = 0;
    /// From 1; 0 stands before the first.
    std::uint64_t number = 0;

    auto operator<=>(const EventId&) const = default;
    /// "1795442711-17"
    std::string to_string() const;
    static std::optional<EventId> parse(std::string_view text);
};

/// The epoch of a shoald that begins: higher than the one in the file, which it then stands in. By
/// `now_s` (seconds since 1970) it grows also where the file was lost; without a file that can be
/// written it has nothing else.
std::uint64_t next_epoch(Disk& disk, const std::string& path, std::uint64_t now_s);

/// Beside the kinds of model::EventKind.
inline constexpr std::string_view director_started = "director-started";
inline constexpr std::string_view configuration_applied = "configuration-applied";
/// Of all events.
std::vector<std::string_view> event_kinds();

struct LoggedEvent {
    EventId id;
    std::string kind;
    std::string virtual_server;
    /// One object: id, event, virtual_server, real_server, address, reason, director, time (in
    /// UTC), time_ms (since 1970), text.
    std::string json;
};

/// Empty ones take all.
struct EventFilter {
    std::set<std::string> kinds{};
    std::string virtual_server{};

    bool takes(const LoggedEvent& event) const;
};

struct EventLogLimits {
    std::size_t events = 2000;
    /// Of their JSON.
    std::size_t bytes = std::size_t{2} << 20;
    std::size_t readers = 256;
};

/// The last events of this shoald, for those who read along. For one thread.
class EventLog {
  public:
    explicit EventLog(std::uint64_t epoch, EventLogLimits limits = {});

    /// Keeps the event, and wakes the readers. Its time and director are the caller's to fill.
    void add(const Event& event);
    /// As add(), of a kind that is not model::EventKind's; `text` says what happened.
    void add(std::string_view kind, const Event& event, const std::string& text);

    /// The last event that there was.
    EventId newest() const { return {epoch_, next_number_ - 1}; }
    /// In their order.
    const std::deque<LoggedEvent>& kept() const { return kept_; }
    const std::shared_ptr<Wakeup>& wakeup() const { return wakeup_; }
    /// A reader's place, for as long as it is held; null: there are too many.
    std::shared_ptr<void> admit_reader();

  private:
    std::uint64_t epoch_;
    EventLogLimits limits_;
    std::uint64_t next_number_ = 1;
    std::size_t bytes_ = 0;
    std::deque<LoggedEvent> kept_;
    std::shared_ptr<Wakeup> wakeup_ = std::make_shared<Wakeup>();
    std::shared_ptr<std::size_t> readers_ = std::make_shared<std::size_t>(0);
};

/// Events that happened and cannot be given any more.
struct EventLoss {
    EventId after;
    /// Unset: nobody knows, since they were another shoald's.
    std::optional<std::uint64_t> missed;
    std::string why;
};

/// Reads along from a place in the log on. Costs the log nothing, however slow it is.
class EventReader {
  public:
    /// Events after `after`; the log must outlive it.
    EventReader(const EventLog& log, EventFilter filter, EventId after)
        : log_(&log), filter_(std::move(filter)), position_(after) {}

    struct Piece {
        /// Before the events.
        std::optional<EventLoss> loss{};
        /// They are the log's, until it is added to.
        std::vector<const LoggedEvent*> events{};
    };
    /// What there is, about `most_bytes` of it at once.
    Piece take(std::size_t most_bytes);
    /// All up to this one was given, or is not wanted.
    EventId position() const { return position_; }

  private:
    std::optional<EventLoss> find_loss() const;

    const EventLog* log_;
    EventFilter filter_;
    EventId position_;
};

}  // namespace shoal::telemetry
