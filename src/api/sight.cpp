#include "api/sight.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>
#include <utility>

#include "api/answer.h"
#include "base/clock.h"
#include "http/response.h"

namespace shoal::api {

namespace {

using dataplane::Explanation;
using dataplane::TraceEvent;
using nlohmann::json;

constexpr std::tuple event_fields{
    std::pair{"time_us", &TraceEvent::time_us},
    std::pair{"hook", &TraceEvent::hook},
    std::pair{"device", &TraceEvent::device},
    std::pair{"protocol", &TraceEvent::protocol},
    std::pair{"source", &TraceEvent::source},
    std::pair{"destination", &TraceEvent::destination},
    std::pair{"tcp_flags", &TraceEvent::tcp_flags},
    std::pair{"bytes", &TraceEvent::bytes},
    std::pair{"verdict", &TraceEvent::verdict},
    std::pair{"virtual_server", &TraceEvent::virtual_server},
    std::pair{"real_server", &TraceEvent::real_server},
    std::pair{"sent_source", &TraceEvent::sent_source},
    std::pair{"sent_destination", &TraceEvent::sent_destination},
};
constexpr std::tuple explanation_fields{
    std::pair{"verdict", &Explanation::verdict},
    std::pair{"meaning", &Explanation::meaning},
    std::pair{"virtual_server", &Explanation::virtual_server},
    std::pair{"real_server", &Explanation::real_server},
    std::pair{"candidates", &Explanation::candidates},
};

template <class T, class Fields>
void write(json& object, const T& value, const Fields& fields) {
    std::apply([&](const auto&... field) { ((object[field.first] = value.*field.second), ...); },
               fields);
}
template <class T, class Fields>
void read(const json& object, T& value, const Fields& fields) {
    std::apply(
        [&](const auto&... field) { (object.at(field.first).get_to(value.*field.second), ...); },
        fields);
}

/// The pieces of one trace's answer.
class TraceStream {
  public:
    TraceStream(director::Control& control, std::uint64_t trace, const TraceQuery& query)
        : control_(&control),
          trace_(trace),
          left_(query.count),
          end_(Clock::now() + std::chrono::seconds(query.seconds)) {}

    std::optional<std::string> operator()() {
        if (over_) return std::nullopt;
        const auto page = control_->read_trace(trace_);
        if (!page) return finish("", page.error().message);
        auto text = lines_of(*page);
        if (left_ == 0) return finish(std::move(text), "as many packets as were asked for");
        const auto now = Clock::now();
        if (now >= end_) return finish(std::move(text), "its time is over");
        // A client that has gone away is noticed when something is written.
        if (text.empty() && now - last_sent_ >= std::chrono::seconds(1)) text = "\n";
        if (!text.empty()) last_sent_ = now;
        return text;
    }

  private:
    std::string lines_of(const dataplane::TracePage& page) {
        std::string text;
        for (const auto& event : page.events) {
            if (left_ == 0) break;
            --left_;
            text += http::json_text(to_json(event)) + '\n';
        }
        if (page.left_out > 0 && left_ > 0)
            text += http::json_text({{"left_out", page.left_out}}) + '\n';
        return text;
    }

    std::string finish(std::string text, const std::string& why) {
        over_ = true;
        control_->end_trace(trace_);
        return std::move(text) + http::json_text({{"end", why}}) + '\n';
    }

    director::Control* control_;
    std::uint64_t trace_;
    std::uint32_t left_;
    TimePoint end_;
    TimePoint last_sent_{};
    bool over_ = false;
};

}  // namespace

json to_json(const TraceEvent& event) {
    auto object = json::object();
    write(object, event, event_fields);
    return object;
}

json to_json(const Explanation& explanation) {
    auto object = json::object();
    write(object, explanation, explanation_fields);
    auto& steps = object["steps"] = json::array();
    for (const auto& step : explanation.steps)
        steps.push_back({{"about", step.about}, {"finding", step.finding}});
    return object;
}

Result<TraceEvent> parse_event(std::string_view text) {
    return parse_answer<TraceEvent>(
        text, [](const json& from, TraceEvent& event) { read(from, event, event_fields); });
}

Result<Explanation> parse_explanation(std::string_view text) {
    return parse_answer<Explanation>(text, [](const json& from, Explanation& explanation) {
        read(from, explanation, explanation_fields);
        for (const auto& step : from.at("steps"))
            explanation.steps.push_back(
                {step.at("about").get<std::string>(), step.at("finding").get<std::string>()});
    });
}

http::HttpResponse get_trace(director::Control& control, const http::HttpRequest& request) {
    const auto query = TraceQuery::parse(request.query);
    if (!query) return http::error_response(400, query.error().message);
    const auto trace = control.begin_trace(query->filter);
    if (!trace) return http::error_response(409, trace.error().message);
    return {.content_type = "application/x-ndjson", .stream = TraceStream(control, *trace, *query)};
}

http::HttpResponse get_explanation(director::Control& control, const http::HttpRequest& request) {
    const auto question = parse_question(request.query);
    if (!question) return http::error_response(400, question.error().message);
    const auto explanation = control.explain(*question);
    if (!explanation) return http::error_response(500, explanation.error().message);
    return http::json_response(to_json(*explanation));
}

}  // namespace shoal::api
