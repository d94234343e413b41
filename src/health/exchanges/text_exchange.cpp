#include <fmt/format.h>

#include "health/check_reason.h"
#include "health/exchanges/answer.h"
#include "health/exchanges/exchanges.h"
#include "health/exchanges/results.h"

namespace shoal::health {

namespace {

class TextExchange : public Exchange {
  public:
    explicit TextExchange(const Question& question)
        : is_udp_(question.protocol == model::Protocol::udp),
          send_(question.monitor.send),
          expect_(question.monitor.expect),
          pattern_text_(question.monitor.expect_pattern) {}

    Step begin() override {
        if (!pattern_text_.empty()) {
            pattern_ = kept_pattern(pattern_text_);
            if (!pattern_) return not_asked("bad pattern " + in_quotes(pattern_text_));
        }
        Step step = send_on(send_);
        if (!is_udp_ && expect_.empty() && !pattern_) step.result = answered().result;
        return step;
    }

    Step received(std::string_view bytes) override {
        if (is_udp_) answer_.clear();
        answer_.add(bytes);
        return pattern_ ? judge_pattern() : judge_prefix();
    }

    Step ended() override {
        const auto answer = answer_.text();
        if (answer.empty()) return failed("closed before answering");
        return failed(fmt::format("closed after answering {}{}", in_quotes(answer),
                                  pattern_ ? mismatch() : instead()));
    }

    std::string_view heard() const override { return answer_.beginning(); }

  private:
    Step judge_prefix() const {
        const auto answer = answer_.text();
        if (answer.starts_with(expect_)) return answered();
        // A datagram is an answer of its own, TCP may bring the rest in the next segment.
        if (!is_udp_ && expect_.starts_with(answer)) return wait_on();
        return failed(fmt::format("answered {}{}", in_quotes(answer), instead()));
    }

    Step judge_pattern() {
        if (answer_.find(*pattern_)) return answered();
        if (answer_.is_searched_out())
            return failed("its answer comes in too many small pieces to be searched");
        if (!is_udp_ && !answer_.is_full()) return wait_on();
        return failed(fmt::format("answered {}{}", in_quotes(answer_.text()), mismatch()));
    }

    std::string instead() const { return " instead of " + in_quotes(expect_); }
    std::string mismatch() const {
        return fmt::format(", which {} does not match", in_quotes(pattern_text_));
    }

    bool is_udp_;
    std::string send_;
    std::string expect_;
    std::string pattern_text_;
    std::optional<model::Pattern> pattern_;
    Answer answer_;
};

}  // namespace

std::unique_ptr<Exchange> make_text_exchange(const Question& question) {
    return std::make_unique<TextExchange>(question);
}

}  // namespace shoal::health
