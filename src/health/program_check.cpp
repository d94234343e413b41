#include "health/program_check.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <cstring>

#include "health/check_reason.h"

namespace shoal::health {

namespace {

using End = ProgramResult::End;

std::string replacement(char token, const Question& question) {
    switch (token) {
        case 'h':
            return question.address.to_string();
        case 'p':
            return std::to_string(question.port);
        case 'v':
            return question.virtual_address.to_string();
        case 'n':
            return question.name;
        case '%':
            return "%";
        default:
            return {'%', token};
    }
}

std::string word_for(std::string_view word, const Question& question) {
    std::string result;
    for (std::size_t at = 0; at < word.size(); ++at) {
        if (word[at] == '%' && at + 1 < word.size())
            result += replacement(word[++at], question);
        else
            result += word[at];
    }
    return result;
}

/// `text` and the first line of what the program complained of, with '?' for what is not ASCII.
std::string with_complaint(std::string text, std::string_view complaint) {
    constexpr std::size_t longest = 120;
    const auto line = complaint.substr(0, std::min(complaint.find('\n'), longest));
    if (line.empty()) return text;
    text += ": ";
    for (const char byte : line)
        text += byte >= ' ' && byte <= '~' ? byte : '?';
    return text;
}

std::string signal_in_words(int number) {
    const char* name = ::sigdescr_np(number);
    return name != nullptr ? fmt::format("{} ({})", number, name) : std::to_string(number);
}

bool matches(std::string_view output, const std::string& pattern) {
    return re2::RE2::PartialMatch(re2::StringPiece(output.data(), output.size()),
                                  re2::RE2(pattern, re2::RE2::Quiet));
}

CheckResult judge_output(std::string_view output, std::string_view expect,
                         const std::string& pattern) {
    if (output.ends_with('\n')) output.remove_suffix(1);
    if (!pattern.empty()) {
        if (matches(output, pattern)) return {Outcome::answered, {}};
        return {Outcome::failed, fmt::format("the program said {}, which does not match {}",
                                             in_quotes(output), in_quotes(pattern))};
    }
    if (expect.empty() || output == expect) return {Outcome::answered, {}};
    return {Outcome::failed,
            fmt::format("the program said {} instead of {}", in_quotes(output), in_quotes(expect))};
}

}  // namespace

std::vector<std::string> words_for(const std::vector<std::string>& words,
                                   const Question& question) {
    std::vector<std::string> result;
    result.reserve(words.size());
    for (const auto& word : words)
        result.push_back(word_for(word, question));
    return result;
}

std::string describe_end(const ProgramResult& result) {
    switch (result.end) {
        case End::exited:
            if (result.code == 0) return {};
            return with_complaint(fmt::format("ended with code {}", result.code), result.reason);
        case End::signalled:
            return fmt::format("was killed by signal {}", signal_in_words(result.code));
        case End::timed_out:
            return "took longer than its time limit";
        case End::not_started:
            return "cannot be started: " + result.reason;
        case End::not_asked:
            break;
    }
    return "was not run: " + result.reason;
}

CheckResult judge_program(const ProgramResult& result, std::string_view expect,
                          const std::string& expect_pattern) {
    const auto end = describe_end(result);
    if (end.empty()) return judge_output(result.output, expect, expect_pattern);
    const auto reason = "the program " + end;
    if (result.end == End::not_asked) return {Outcome::not_asked, reason};
    if (result.end == End::timed_out) return {Outcome::silent, reason};
    return {Outcome::failed, reason};
}

}  // namespace shoal::health
