#include "api/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ranges>
#include <utility>

#include "base/clock.h"
#include "http/response.h"

namespace shoal::api {

namespace {

using nlohmann::json;
using telemetry::EventId;
using telemetry::EventReader;

/// At once, of one stream.
constexpr std::size_t longest_piece = std::size_t{64} << 10;
constexpr std::chrono::seconds heartbeat{15};
/// How often it is looked whether a heartbeat is due.
constexpr std::chrono::seconds look{5};

Result<void> read_kinds(telemetry::EventFilter& filter, const std::string& text) {
    const auto known = telemetry::event_kinds();
    if (text.empty()) return fail(fmt::format("which? {}", fmt::join(known, ", ")));
    for (const auto word : std::views::split(text, ',')) {
        const std::string kind(word.begin(), word.end());
        if (std::ranges::find(known, kind) == known.end())
            return fail(
                fmt::format("\"{}\" is no kind of event: {}", kind, fmt::join(known, ", ")));
        filter.kinds.insert(kind);
    }
    return {};
}

Result<EventId> parse_id(const std::string& text) {
    if (text == "0") return EventId{};
    const auto id = EventId::parse(text);
    if (!id) return fail(fmt::format("\"{}\" is no id of an event", text.substr(0, 60)));
    return *id;
}

Result<void> read_parameter(EventQuery& query, std::string_view name, const std::string& text) {
    if (name == "kind") return read_kinds(query.filter, text);
    if (name == "after") return put(query.after, parse_id(text));
    if (name == "virtual") {
        query.filter.virtual_server = text;
        return {};
    }
    return fail("unknown; there are kind, virtual and after");
}

json to_json(const telemetry::EventLoss& loss) {
    json object{{"after", loss.after.to_string()}, {"missed", nullptr}, {"why", loss.why}};
    if (loss.missed) object["missed"] = *loss.missed;
    return object;
}

std::string event_text(const EventId& id, std::string_view kind, const std::string& data) {
    return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", id.to_string(), kind, data);
}

/// Before the oldest event that is kept.
EventId beginning_of(const telemetry::EventLog& log) {
    auto id = log.newest();
    if (!log.kept().empty()) id.number = log.kept().front().id.number - 1;
    return id;
}

EventId place_of(const telemetry::EventLog& log, const EventQuery& query, EventId otherwise) {
    if (!query.after) return otherwise;
    return *query.after == EventId{} ? beginning_of(log) : *query.after;
}

/// The pieces of one stream.
class EventStream {
  public:
    EventStream(const telemetry::EventLog& log, EventReader reader, std::shared_ptr<void> place)
        : log_(&log), reader_(std::move(reader)), place_(std::move(place)) {}

    std::optional<std::string> operator()() {
        auto text = std::exchange(begun_, true) ? std::string() : beginning();
        const auto piece = reader_.take(longest_piece);
        if (piece.loss) text += loss_text(*piece.loss);
        for (const auto* event : piece.events)
            text += event_text(event->id, event->kind, event->json);
        const auto now = Clock::now();
        // With the place reached, which a filter may have moved on without a word.
        if (text.empty() && now - last_sent_ >= heartbeat - look / 2)
            text = fmt::format(":\nid: {}\n\n", reader_.position().to_string());
        if (!text.empty()) last_sent_ = now;
        return text;
    }

  private:
    /// The place itself, so that one who is cut off before the first event can go on there.
    std::string beginning() const {
        return event_text(reader_.position(), "begin",
                          json{{"newest", log_->newest().to_string()}}.dump());
    }
    std::string loss_text(const telemetry::EventLoss& loss) const {
        return event_text(beginning_of(*log_), "lost", to_json(loss).dump());
    }

    const telemetry::EventLog* log_;
    EventReader reader_;
    std::shared_ptr<void> place_;
    bool begun_ = false;
    TimePoint last_sent_{};
};

http::HttpResponse stream_of(telemetry::EventLog& log, const EventQuery& query) {
    auto place = log.admit_reader();
    if (!place) return http::error_response(503, "too many read along already; try again later");
    EventReader reader(log, query.filter, place_of(log, query, log.newest()));
    return {.content_type = "text/event-stream",
            .headers = {{"Cache-Control", "no-store"}},
            .stream = EventStream(log, std::move(reader), std::move(place)),
            .pause = look,
            .wakeup = log.wakeup()};
}

http::HttpResponse list_of(const telemetry::EventLog& log, const EventQuery& query) {
    EventReader reader(log, query.filter, place_of(log, query, beginning_of(log)));
    const auto piece = reader.take(SIZE_MAX);
    auto text = fmt::format(R"({{"newest":"{}","lost":{},"events":[)", log.newest().to_string(),
                            piece.loss ? to_json(*piece.loss).dump() : "null");
    const char* separator = "";
    for (const auto* event : piece.events)
        text += std::exchange(separator, ",") + event->json;
    return {.body = text + "]}"};
}

}  // namespace

Result<EventQuery> EventQuery::parse(const Parameters& parameters) {
    return read_parameters<EventQuery>(parameters, read_parameter);
}

http::HttpResponse get_events(director::Control& control, const http::HttpRequest& request) {
    auto query = EventQuery::parse(request.query);
    if (!query) return http::error_response(400, query.error().message);
    auto& log = control.events();
    if (!request.accept.contains("text/event-stream")) return list_of(log, *query);
    if (!request.last_event_id.empty()) {
        const auto id = parse_id(request.last_event_id);
        if (!id) return http::error_response(400, id.error().within("Last-Event-ID").message);
        query->after = *id;
    }
    return stream_of(log, *query);
}

}  // namespace shoal::api
