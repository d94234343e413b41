#include "api/check_now.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "api/answer.h"
#include "api/parameters.h"
#include "http/response.h"

namespace shoal::api {

namespace {

using health::Transcript;
using nlohmann::json;

const char* name_of(health::Outcome outcome) {
    switch (outcome) {
        case health::Outcome::answered:
            return "answered";
        case health::Outcome::failed:
            return "failed";
        case health::Outcome::silent:
            return "silent";
        case health::Outcome::not_asked:
            break;
    }
    return "not asked";
}

/// The pieces of one check's answer.
class TranscriptStream {
  public:
    explicit TranscriptStream(std::shared_ptr<const Transcript> transcript)
        : transcript_(std::move(transcript)) {}

    std::optional<std::string> operator()() {
        if (over_) return std::nullopt;
        std::string text;
        for (; sent_ < transcript_->lines.size(); ++sent_)
            text += http::json_text(to_json(transcript_->lines[sent_])) + '\n';
        if (transcript_->result) {
            over_ = true;
            text += http::json_text(to_json(*transcript_->result)) + '\n';
        }
        return text;
    }

  private:
    std::shared_ptr<const Transcript> transcript_;
    std::size_t sent_ = 0;
    bool over_ = false;
};

Result<void> read(health::TargetId& id, const std::string& name, const std::string& text) {
    if (name == "virtual") return put<std::string, std::string>(id.virtual_server, text);
    if (name == "real") return put<std::string, std::string>(id.real_server, text);
    return fail("is not known; there are virtual and real");
}

}  // namespace

json to_json(const Transcript::Line& line) {
    return {{"at_us", line.at_us}, {"text", line.text}};
}

json to_json(const health::CheckResult& result) {
    return {{"outcome", name_of(result.outcome)},
            {"reason", result.reason},
            {"latency_us", result.latency_us}};
}

Result<Transcript::Line> parse_transcript_line(std::string_view text) {
    return parse_answer<Transcript::Line>(text, [](const json& from, Transcript::Line& line) {
        from.at("at_us").get_to(line.at_us);
        from.at("text").get_to(line.text);
    });
}

Result<CheckEnd> parse_check_end(std::string_view text) {
    return parse_answer<CheckEnd>(text, [](const json& from, CheckEnd& end) {
        from.at("outcome").get_to(end.outcome);
        from.at("reason").get_to(end.reason);
        from.at("latency_us").get_to(end.latency_us);
    });
}

http::HttpResponse get_check(director::Control& control, const http::HttpRequest& request) {
    const auto target = read_parameters<health::TargetId>(request.query, read);
    if (!target) return http::error_response(400, target.error().message);
    if (target->virtual_server.empty() || target->real_server.empty())
        return http::error_response(400, "the parameters virtual and real are needed");
    auto transcript = control.check_now(*target);
    if (!transcript) return http::error_response(404, transcript.error().message);
    return {.content_type = "application/x-ndjson",
            .stream = TranscriptStream(*std::move(transcript))};
}

}  // namespace shoal::api
