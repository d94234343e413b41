#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>

#include "health/check_reason.h"
#include "health/exchanges/answer.h"
#include "health/exchanges/dns_message.h"
#include "health/exchanges/exchanges.h"
#include "health/exchanges/results.h"
#include "model/choices.h"

namespace shoal::health {

namespace {

class DnsExchange : public Exchange {
  public:
    explicit DnsExchange(const Question& question)
        : is_udp_(question.protocol == model::Protocol::udp),
          query_{.id = 0, .name = question.monitor.query_name, .type = question.monitor.query_type},
          wanted_(question.monitor.answer) {
        // The socket is connected to the server: the number need not keep strangers out.
        if (getrandom(&query_.id, sizeof query_.id, GRND_NONBLOCK) < 0) query_.id = 1;
    }

    Step begin() override {
        auto message = dns_query(query_);
        if (!message) return not_asked(message.error().message);
        return send_on(is_udp_ ? *std::move(message) : with_length(*message));
    }

    Step received(std::string_view bytes) override {
        if (is_udp_) answer_.clear();
        answer_.add(bytes);
        if (is_udp_) return judge(bytes);
        const auto text = answer_.text();
        if (text.size() < length_size) return wait_on();
        const auto length = static_cast<std::size_t>(static_cast<unsigned char>(text[0]) << 8 |
                                                     static_cast<unsigned char>(text[1]));
        if (answer_.is_full() || text.size() >= length_size + length)
            return judge(text.substr(length_size, length));
        return wait_on();
    }

    Step ended() override {
        if (answer_.text().empty()) return failed("closed before answering");
        return failed("closed after answering " + in_quotes(answer_.text()));
    }

    std::string_view heard() const override { return answer_.beginning(); }

  private:
    /// Over TCP each message has its length before it.
    static constexpr std::size_t length_size = 2;

    static std::string with_length(const std::string& message) {
        std::string text{static_cast<char>(message.size() >> 8U),
                         static_cast<char>(message.size() & 0xffU)};
        return text + message;
    }

    Step judge(std::string_view message) const {
        const auto answer = parse_dns_answer(message, query_);
        if (!answer)
            return failed(fmt::format("answered {} instead of a DNS answer", in_quotes(message)));
        // Over UDP, one that was sent to somebody else before.
        if (answer->id != query_.id)
            return is_udp_ ? wait_on() : failed("answered another query than the one it got");
        if (answer->code != 0) return failed("answered " + dns_code_in_words(answer->code));
        if (!answer->is_of_query) return failed("answered another question than the one it got");
        return judge_records(*answer);
    }

    Step judge_records(const DnsAnswer& answer) const {
        const auto& records = answer.records;
        const auto is_wanted = [&](const std::string& record) {
            return is_dns_record(wanted_, record, query_.type);
        };
        if (wanted_.empty() ? !records.empty() || query_.name.empty()
                            : std::ranges::any_of(records, is_wanted))
            return answered();
        if (answer.is_truncated)
            return failed("its answer does not fit into a datagram; ask with protocol = \"tcp\"");
        const auto asked = fmt::format("{} record", model::name_of(query_.type));
        if (records.empty()) return failed(fmt::format("answered without any {}", asked));
        return failed(fmt::format("answered {} instead of {}", in_quotes(records.front()),
                                  in_quotes(wanted_)));
    }

    bool is_udp_;
    DnsQuery query_;
    std::string wanted_;
    Answer answer_;
};

}  // namespace

std::unique_ptr<Exchange> make_dns_exchange(const Question& question) {
    return std::make_unique<DnsExchange>(question);
}

}  // namespace shoal::health
