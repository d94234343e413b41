#include <fmt/format.h>
#include <sys/random.h>

#include <cstdint>

#include "health/check_reason.h"
#include "health/exchanges/answer.h"
#include "health/exchanges/exchanges.h"
#include "health/exchanges/results.h"
#include "health/presets.h"

namespace shoal::health {

namespace {

void replace_all(std::string& text, std::string_view what, std::string_view with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

std::string unique_word() {
    std::uint64_t number = 0;
    // Without a source of chance they are all alike, which SIP servers take for repetitions.
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) < 0) number = 0;
    return fmt::format("{:016x}", number);
}

/// Of a packet of MySQL's that is there to its fourth byte at least, with these four.
std::size_t packet_size(std::string_view packet) {
    std::size_t size = 4;
    for (std::size_t i = 0; i < 3; ++i)
        size += std::size_t{static_cast<unsigned char>(packet[i])} << (8 * i);
    return size;
}

class PresetExchange : public Exchange {
  public:
    PresetExchange(const Question& question, const Preset& preset)
        : preset_(preset),
          transport_(question.protocol == model::Protocol::udp ? "UDP" : "TCP"),
          address_(question.address.is_v6() ? fmt::format("[{}]", question.address.to_string())
                                            : question.address.to_string()),
          unique_(unique_word()) {}

    Step begin() override { return ask(); }

    Step received(std::string_view bytes) override {
        answer_.add(bytes);
        const auto& now = step();
        if (matches(now.complete) && is_whole(now)) {
            ++step_;
            answer_.clear();
            return step_ == preset_.steps.size() ? answered() : ask();
        }
        if (!now.refusal_ends_connection) {
            if (auto refusal = refused()) return *std::move(refusal);
        }
        if (begins_wrong() || matches(now.wrong)) return wrong("answered");
        if (answer_.is_full()) return wrong("answered without an end");
        if (answer_.is_searched_out())
            return failed("its answer comes in too many small pieces to be searched");
        return wait_on();
    }

    Step ended() override {
        if (step().may_end && answer_.text().empty()) return answered();
        if (auto refusal = refused()) return *std::move(refusal);
        if (answer_.text().empty()) return failed("closed before answering");
        return wrong("closed after answering");
    }

    std::string_view heard() const override { return answer_.beginning(); }

  private:
    const PresetStep& step() const { return preset_.steps[step_]; }

    Step ask() {
        auto text = std::string(step().send);
        replace_all(text, "{address}", address_);
        replace_all(text, "{transport}", transport_);
        replace_all(text, "{unique}", unique_);
        Step asked = send_on(std::move(text));
        if (step().complete.empty()) asked.result = answered().result;
        return asked;
    }

    /// What is left of an answer must not be taken for the beginning of the next one.
    bool is_whole(const PresetStep& now) const {
        return !now.is_packet || answer_.text().size() >= packet_size(answer_.text());
    }

    bool matches(std::string_view pattern) { return find(pattern).has_value(); }

    std::optional<std::string_view> find(std::string_view pattern) {
        if (pattern.empty()) return std::nullopt;
        const auto compiled = kept_pattern(pattern, model::Pattern::Characters::bytes);
        return compiled ? answer_.find(*compiled) : std::nullopt;
    }

    std::optional<Step> refused() {
        const auto words = find(step().refused);
        if (!words) return std::nullopt;
        return failed("refuses: " + in_quotes(*words));
    }

    bool begins_wrong() const {
        const auto length = std::min(answer_.text().size(), step().begins.size());
        return answer_.text().substr(0, length) != step().begins.substr(0, length);
    }

    Step wrong(std::string_view how) const {
        const auto& begins = step().begins;
        return failed(fmt::format(
            "{} {} instead of {}", how, in_quotes(answer_.text()),
            begins.empty() ? fmt::format("what {} says", preset_.server) : in_quotes(begins)));
    }

    const Preset& preset_;
    std::string_view transport_;
    std::string address_;
    std::string unique_;
    std::size_t step_ = 0;
    Answer answer_;
};

}  // namespace

std::unique_ptr<Exchange> make_preset_exchange(const Question& question, const Preset& preset) {
    return std::make_unique<PresetExchange>(question, preset);
}

}  // namespace shoal::health
