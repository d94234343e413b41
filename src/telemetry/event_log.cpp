#include "telemetry/event_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "model/choices.h"

namespace shoal::telemetry {

namespace {

constexpr std::size_t longest_reason = 2048;

std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (text.empty() || error != std::errc{} || rest != end) return std::nullopt;
    return number;
}

std::string json_text(const EventId& id, std::string_view kind, const Event& event,
                      const std::string& text) {
    const nlohmann::ordered_json json{{"id", id.to_string()},
                                      {"event", kind},
                                      {"virtual_server", event.virtual_server},
                                      {"real_server", event.real_server},
                                      {"address", event.address},
                                      {"reason", event.reason.substr(0, longest_reason)},
                                      {"director", event.director},
                                      {"time", utc_text(event.time_ms)},
                                      {"time_ms", event.time_ms},
                                      {"text", text.substr(0, longest_reason)}};
    // A reason may quote bytes that are no UTF-8.
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string EventId::to_string() const {
    return fmt::format("{}-{}", epoch, number);
}

std::optional<EventId> EventId::parse(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto epoch = number_of(text.substr(0, dash));
    const auto number = number_of(text.substr(dash + 1));
    if (!epoch || !number) return std::nullopt;
    return EventId{*epoch, *number};
}

std::uint64_t next_epoch(Disk& disk, const std::string& path, std::uint64_t now_s) {
    std::uint64_t former = 0;
    if (const auto text = disk.read(path, 64))
        former = number_of(std::string_view(*text).substr(0, text->find('\n'))).value_or(0);
    // One that somebody wrote there by hand is not to end all growth.
    constexpr std::uint64_t highest = std::uint64_t{1} << 53;
    const auto epoch = std::max(former < highest ? former + 1 : 0, now_s);
    if (auto written = replace_file(disk, path, fmt::format("{}\n", epoch), 0600); !written)
        log(Message::operation_failed, "keeping the numbers of events: {}",
            written.error().message);
    return epoch;
}

std::vector<std::string_view> event_kinds() {
    std::vector<std::string_view> kinds{director_started, configuration_applied};
    for (const auto& choice : model::Choices<model::EventKind>::all)
        kinds.push_back(choice.name);
    return kinds;
}

bool EventFilter::takes(const LoggedEvent& event) const {
    if (!kinds.empty() && !kinds.contains(event.kind)) return false;
    return virtual_server.empty() || virtual_server == event.virtual_server;
}

EventLog::EventLog(std::uint64_t epoch, EventLogLimits limits) : epoch_(epoch), limits_(limits) {}

void EventLog::add(const Event& event) {
    add(model::name_of(event.kind), event, sentence_of(event));
}

void EventLog::add(std::string_view kind, const Event& event, const std::string& text) {
    const EventId id{epoch_, next_number_++};
    kept_.push_back(
        {id, std::string(kind), event.virtual_server, json_text(id, kind, event, text)});
    bytes_ += kept_.back().json.size();
    while (kept_.size() > limits_.events || (bytes_ > limits_.bytes && kept_.size() > 1)) {
        bytes_ -= kept_.front().json.size();
        kept_.pop_front();
    }
    wakeup_->wake();
}

std::shared_ptr<void> EventLog::admit_reader() {
    if (*readers_ >= limits_.readers) return nullptr;
    ++*readers_;
    return {readers_.get(), [readers = readers_](void*) { --*readers; }};
}

std::optional<EventLoss> EventReader::find_loss() const {
    const auto newest = log_->newest();
    if (position_.epoch != newest.epoch || position_.number > newest.number) {
        const bool earlier = position_ < newest;
        return EventLoss{position_,
                         {},
                         earlier ? "shoald was started again; what happened between is in its log"
                                 : "there was no such event here"};
    }
    const auto& kept = log_->kept();
    const auto oldest = kept.empty() ? newest.number + 1 : kept.front().id.number;
    if (position_.number + 1 >= oldest) return std::nullopt;
    return EventLoss{position_, oldest - position_.number - 1, "too many happened since"};
}

EventReader::Piece EventReader::take(std::size_t most_bytes) {
    Piece piece;
    piece.loss = find_loss();
    const auto& kept = log_->kept();
    if (piece.loss) {
        position_ = log_->newest();
        position_.number = kept.empty() ? position_.number : kept.front().id.number - 1;
    }
    std::size_t bytes = 0;
    auto next = std::ranges::upper_bound(kept, position_, {}, &LoggedEvent::id);
    for (; next != kept.end() && bytes < most_bytes; ++next) {
        position_ = next->id;
        if (!filter_.takes(*next)) continue;
        piece.events.push_back(&*next);
        bytes += next->json.size();
    }
    return piece;
}

}  // namespace shoal::telemetry
