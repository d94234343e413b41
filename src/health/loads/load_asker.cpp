#include "health/loads/load_asker.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "health/check_reason.h"
#include "health/loads/load_answer.h"
#include "health/loads/rstat.h"
#include "health/program_check.h"

namespace shoal::health {

namespace {

constexpr Milliseconds longest_timeout{5'000};
/// rwhod sends every three minutes.
constexpr Milliseconds rwho_interval{180'000};
constexpr int lost_intervals = 3;
/// Of an answer of HTTP, in bytes. The pages of Prometheus exporters come near to it.
constexpr std::size_t longest_http = 512UZ * 1024;

std::string host_of(const LoadQuestion& question) {
    const auto address = question.address.to_string();
    return fmt::format(fmt::runtime(question.address.is_v6() ? "[{}]:{}" : "{}:{}"), address,
                       question.port);
}

TextQuestion text_question(const LoadQuestion& question) {
    TextQuestion text{.address = question.address,
                      .port = question.port,
                      .send = {},
                      .longest = longest_agent_line,
                      .timeout = question.timeout(),
                      .is_whole = [](std::string_view answer) {
                          return answer.find_first_of("\r\n") != std::string_view::npos;
                      }};
    if (question.tool == model::LoadTool::http) {
        // 1.0: the answer comes in one piece, and the connection ends behind it.
        text.send =
            fmt::format("GET {} HTTP/1.0\r\nHost: {}\r\nUser-Agent: shoald\r\nAccept: */*\r\n\r\n",
                        question.path, host_of(question));
        text.longest = longest_http;
        text.is_whole = is_whole_http;
    }
    return text;
}

Result<LoadReading> as_reading(const Result<double>& load) {
    if (!load) return fail(load.error());
    return LoadReading{.load = *load};
}

Result<LoadReading> read_agent(std::string_view answer) {
    const auto line = read_agent_line(answer);
    if (!line) return fail(fmt::format("{} is no line of an agent", in_quotes(answer)));
    return LoadReading{.load = {}, .agent = *line};
}

Result<LoadReading> read_text(const LoadQuestion& question, const Result<std::string>& answer) {
    if (!answer) return fail(answer.error());
    if (question.tool == model::LoadTool::agent) return read_agent(*answer);
    const auto body = http_body(*answer);
    if (!body) return fail(body.error());
    return as_reading(read_load_text(*body, question.value));
}

Result<LoadReading> read_program(const ProgramResult& result) {
    if (const auto end = describe_end(result); !end.empty()) return fail("the program " + end);
    return as_reading(read_load_text(result.output, {}));
}

}  // namespace

Milliseconds LoadQuestion::timeout() const {
    return std::min(interval / 2, longest_timeout);
}

Milliseconds LoadQuestion::stale_after() const {
    const bool listens = tool == model::LoadTool::ruptime;
    return lost_intervals * (listens ? std::max(interval, rwho_interval) : interval);
}

std::shared_ptr<void> LoadAsker::ask(const LoadQuestion& question, OnReading on_reading) {
    switch (question.tool) {
        case model::LoadTool::rup:
            return ask_rstat(question, std::move(on_reading));
        case model::LoadTool::agent:
        case model::LoadTool::http:
            return ask_text(question, std::move(on_reading));
        case model::LoadTool::program:
            return run_program(question, std::move(on_reading));
        case model::LoadTool::none:
        case model::LoadTool::ruptime:
            break;
    }
    return nullptr;
}

std::shared_ptr<void> LoadAsker::ask_text(const LoadQuestion& question, OnReading on_reading) {
    return std::make_shared<TextAsker>(
        loop_, text_question(question),
        [question, on_reading = std::move(on_reading)](const Result<std::string>& answer) {
            on_reading(read_text(question, answer));
        });
}

std::shared_ptr<void> LoadAsker::ask_rstat(const LoadQuestion& question, OnReading on_reading) {
    auto handle = std::make_shared<OnReading>(std::move(on_reading));
    rstat_.ask(question.address, question.port, rstat::portmapper_port, question.timeout(),
               [weak = std::weak_ptr(handle)](const Result<LoadReading>& reading) {
                   if (const auto waits = weak.lock()) (*waits)(reading);
               });
    return handle;
}

std::shared_ptr<void> LoadAsker::run_program(const LoadQuestion& question, OnReading on_reading) {
    auto handle = std::make_shared<OnReading>(std::move(on_reading));
    const auto done = [weak = std::weak_ptr(handle)](const Result<LoadReading>& reading) {
        if (const auto waits = weak.lock()) (*waits)(reading);
    };
    if (runner_ == nullptr) {
        boost::asio::post(loop_, [done] { done(fail("programs cannot be run here")); });
    } else {
        runner_->run({.words = question.words, .timeout = question.timeout()},
                     [done](const ProgramResult& result) { done(read_program(result)); });
    }
    return handle;
}

}  // namespace shoal::health
