#include "telemetry/mail_message.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace shoal::telemetry {

namespace {

bool is_control(char byte) {
    return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
}

bool is_plain(char byte) {
    return byte >= ' ' && byte <= '~';
}

/// The first byte of a character of UTF-8, or a stray one.
bool begins_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
}

std::string hex(char byte) {
    return fmt::format("={:02X}", static_cast<unsigned char>(byte));
}

std::string q_encoded(char byte) {
    const bool safe = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                      (byte >= '0' && byte <= '9');
    if (byte == ' ') return "_";
    return safe ? std::string(1, byte) : hex(byte);
}

/// What stands for a byte of a body; line feeds and what precedes them are the caller's.
std::string body_encoded(char byte) {
    return (is_plain(byte) && byte != '=') ? std::string(1, byte) : hex(byte);
}

std::string body_of(const Event& event) {
    std::string text = sentence_of(event) + "\n\n";
    const auto line = [&](std::string_view title, std::string_view value) {
        if (!value.empty()) text += fmt::format("{:<15} {}\n", title, value);
    };
    line("Virtual server:", event.virtual_server);
    line("Real server:", event.real_server);
    line("Address:", event.address);
    line("Time:", utc_text(event.time_ms));
    line("Director:", event.director);
    return text;
}

}  // namespace

std::string mail_date(std::int64_t time_ms) {
    constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t seconds = time_ms / 1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
                       days.at(static_cast<std::size_t>(parts.tm_wday)), parts.tm_mday,
                       months.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900,
                       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string header_text(std::string_view text) {
    std::string clean(text);
    std::ranges::replace_if(clean, is_control, ' ');
    if (std::ranges::all_of(clean, is_plain)) return clean;
    // An encoded word has at most 75 characters, and no character lies in two of them.
    constexpr std::size_t longest = 75 - 12;
    std::string result;
    std::string word;
    for (std::size_t at = 0; at < clean.size();) {
        std::string character = q_encoded(clean[at++]);
        while (at < clean.size() && !begins_character(clean[at]) && character.size() < 12)
            character += q_encoded(clean[at++]);
        if (word.size() + character.size() > longest)
            result += "=?utf-8?Q?" + std::exchange(word, {}) + "?=\r\n ";
        word += character;
    }
    return result + "=?utf-8?Q?" + word + "?=";
}

std::string quoted_printable(std::string_view text) {
    constexpr std::size_t longest = 75;
    std::string result;
    std::size_t column = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\n') {
            result += "\r\n";
            column = 0;
            continue;
        }
        const bool at_end = at + 1 == text.size() || text[at + 1] == '\n';
        const auto coded = text[at] == ' ' && at_end ? hex(' ') : body_encoded(text[at]);
        if (column + coded.size() > longest) {
            result += "=\r\n";
            column = 0;
        }
        result += coded;
        column += coded.size();
    }
    return result;
}

std::string mail_message(const Event& event, const std::string& from,
                         const std::vector<std::string>& to, const std::string& id) {
    constexpr std::size_t longest_subject = 200;
    auto subject = "[shoal] " + sentence_of(event);
    if (subject.size() > longest_subject) {
        std::size_t end = longest_subject;
        while (end > 0 && !begins_character(subject[end]))
            --end;
        subject = subject.substr(0, end) + "...";
    }
    return fmt::format(
        "From: Shoal <{}>\r\nTo: {}\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{}>\r\n"
        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"
        "\r\n{}",
        from, fmt::join(to, ",\r\n "), header_text(subject), mail_date(event.time_ms), id,
        quoted_printable(body_of(event)));
}

}  // namespace shoal::telemetry
