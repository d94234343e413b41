#include "telemetry/smtp_dialogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace shoal::telemetry {

namespace {

/// A reply of a relay that means well is much shorter, with all of its lines.
constexpr std::size_t longest_reply = 8192;

bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

/// For the log: one line of ASCII.
std::string shown(std::string_view reply) {
    constexpr std::size_t longest = 120;
    std::string text(reply.substr(0, longest));
    std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
    return text;
}

/// Takes the lines of one whole reply from `bytes` and returns its last one, without its line end;
/// nothing while it is not whole, an error where a line is no reply's.
Result<std::optional<std::string>> take_reply(std::string& bytes) {
    std::size_t begin = 0;
    while (true) {
        const auto end = bytes.find('\n', begin);
        if (end == std::string::npos) {
            if (bytes.size() > longest_reply) return fail("its reply has no end");
            return std::optional<std::string>{};
        }
        auto line = bytes.substr(begin, end - begin);
        if (line.ends_with('\r')) line.pop_back();
        begin = end + 1;
        if (line.size() < 3 || !std::all_of(line.begin(), line.begin() + 3, is_digit))
            return fail(fmt::format("it said \"{}\", which is no reply of SMTP", shown(line)));
        if (line.size() > 3 && line[3] == '-') {
            if (begin > longest_reply) return fail("its reply has no end");
            continue;
        }
        bytes.erase(0, begin);
        return std::optional(std::move(line));
    }
}

int code_of(const std::string& line) {
    return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

}  // namespace

std::string dot_stuffed(std::string_view message) {
    std::string result;
    bool at_begin = true;
    for (const char byte : message) {
        if (at_begin && byte == '.') result += '.';
        result += byte;
        at_begin = byte == '\n';
    }
    if (!at_begin) result += "\r\n";
    return result + ".\r\n";
}

SmtpDialogue::SmtpDialogue(Mail mail, std::string own_name)
    : mail_(std::move(mail)), own_name_(std::move(own_name)) {}

SmtpDialogue::Step SmtpDialogue::received(std::string_view bytes) {
    if (state_ == State::over) return {};
    unread_ += bytes;
    const auto reply = take_reply(unread_);
    if (!reply) return refuse(reply.error().message);
    if (!*reply) return {};
    // A relay that speaks before it was asked is out of step.
    if (!unread_.empty()) return refuse("it said more than was asked");
    return answer(code_of(**reply), **reply);
}

SmtpDialogue::Step SmtpDialogue::answer(int code, const std::string& text) {
    switch (state_) {
        case State::greeting:
            return expect(code == 220, text, State::ehlo, fmt::format("EHLO {}\r\n", own_name_));
        case State::ehlo:
            // A relay of before 1995.
            if (code / 100 == 5) {
                state_ = State::helo;
                return {.send = fmt::format("HELO {}\r\n", own_name_), .result = {}};
            }
            [[fallthrough]];
        case State::helo:
            return expect(code == 250, text, State::sender,
                          fmt::format("MAIL FROM:<{}>\r\n", mail_.from));
        case State::sender:
            if (code / 100 != 2) return refuse(shown(text));
            return next_recipient();
        case State::recipient:
            return recipient_answered(code, text);
        case State::data:
            return expect(code == 354, text, State::message, dot_stuffed(mail_.message));
        case State::message:
            if (code / 100 != 2) return refuse(shown(text));
            state_ = State::over;
            return {.send = "QUIT\r\n", .result = Result<void>()};
        case State::over:
            break;
    }
    return {};
}

SmtpDialogue::Step SmtpDialogue::expect(bool as_expected, const std::string& text, State next,
                                        std::string send) {
    if (!as_expected) return refuse(shown(text));
    state_ = next;
    return {.send = std::move(send), .result = {}};
}

SmtpDialogue::Step SmtpDialogue::next_recipient() {
    if (recipient_ < mail_.to.size()) {
        state_ = State::recipient;
        return {.send = fmt::format("RCPT TO:<{}>\r\n", mail_.to[recipient_]), .result = {}};
    }
    if (refused_.size() == mail_.to.size())
        return refuse(refused_.empty() ? "there is no recipient" : refused_.front());
    state_ = State::data;
    return {.send = "DATA\r\n", .result = {}};
}

SmtpDialogue::Step SmtpDialogue::recipient_answered(int code, const std::string& text) {
    if (code / 100 != 2)
        refused_.push_back(fmt::format("{}: {}", mail_.to[recipient_], shown(text)));
    ++recipient_;
    return next_recipient();
}

SmtpDialogue::Step SmtpDialogue::refuse(const std::string& text) {
    state_ = State::over;
    return {.send = "QUIT\r\n", .result = Result<void>(fail("the relay refuses: " + text))};
}

}  // namespace shoal::telemetry
