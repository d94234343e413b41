#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "health/exchange.h"
#include "model/choices.h"

// What a real server may say to each kind of check, in any pieces. The first byte is the type, the
// second one how it is asked; then each piece has its length before it, 255 is the connection's
// end.

namespace {

using shoal::health::Exchange;
using shoal::health::Question;
using shoal::model::MonitorType;

constexpr std::uint8_t over_udp = 1;
constexpr std::uint8_t with_pattern = 2;
constexpr std::uint8_t with_number = 4;

Question question_of(std::uint8_t type, std::uint8_t how) {
    const auto& types = shoal::model::Choices<MonitorType>::all;
    const auto& dns_types = shoal::model::Choices<shoal::model::DnsType>::all;
    Question question;
    question.port = 53;
    if ((how & over_udp) != 0) question.protocol = shoal::model::Protocol::udp;
    auto& monitor = question.monitor;
    monitor.type = types.at(type % types.size()).value;
    monitor.send = "x";
    monitor.expect = "220 ready";
    if ((how & with_pattern) != 0) monitor.expect_pattern = "(a|aa|[^b]*)*b{3}$";
    monitor.query_name = "a.org";
    monitor.query_type = dns_types.at((how >> 3U) % dns_types.size()).value;
    return question;
}

/// DNS: an answer counts only with the number of its query.
void give_number(std::string& piece, std::string_view query, const Question& question) {
    if (question.monitor.type != MonitorType::dns) return;
    const std::size_t at = question.protocol == shoal::model::Protocol::tcp ? 2 : 0;
    if (piece.size() >= at + 2 && query.size() >= at + 2)
        std::copy_n(query.begin() + static_cast<std::ptrdiff_t>(at), 2,
                    piece.begin() + static_cast<std::ptrdiff_t>(at));
}

bool is_over(const Exchange& exchange, const Exchange::Step& step) {
    constexpr std::size_t most_heard = 256;
    constexpr std::size_t most_said = 1U << 20U;
    if (exchange.heard().size() > most_heard || step.send.size() > most_said) std::abort();
    if (!step.result) return false;
    const auto& reason = step.result->reason;
    const auto is_printable = [](char byte) { return byte >= ' ' && byte <= '~'; };
    const bool answered = step.result->outcome == shoal::health::Outcome::answered;
    if (reason.empty() != answered || !std::ranges::all_of(reason, is_printable)) std::abort();
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const auto question = question_of(data[0], data[1]);
    const auto exchange = make_exchange(question);
    if (!exchange) return 0;
    const auto first = exchange->begin();
    if (is_over(*exchange, first)) return 0;
    std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
    while (!rest.empty()) {
        constexpr std::uint8_t end = 255;
        const auto length = static_cast<std::uint8_t>(rest.front());
        rest.remove_prefix(1);
        if (length == end) {
            is_over(*exchange, exchange->ended());
            return 0;
        }
        std::string piece(rest.substr(0, length));
        rest.remove_prefix(piece.size());
        if ((data[1] & with_number) != 0) give_number(piece, first.send, question);
        if (is_over(*exchange, exchange->received(piece))) return 0;
    }
    return 0;
}
