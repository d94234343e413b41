#include "health/exchanges/dns_message.h"

#include <ares.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "net/address.h"

namespace shoal::health {

namespace {

using model::DnsType;
using Bytes = std::basic_string_view<unsigned char>;

constexpr int internet = 1;
constexpr std::size_t header_size = 12;

/// IANA's number of a type.
int number_of(DnsType type) {
    switch (type) {
        case DnsType::a:
            return 1;
        case DnsType::ns:
            return 2;
        case DnsType::cname:
            return 5;
        case DnsType::soa:
            return 6;
        case DnsType::ptr:
            return 12;
        case DnsType::mx:
            return 15;
        case DnsType::txt:
            return 16;
        case DnsType::aaaa:
            return 28;
        case DnsType::srv:
            return 33;
    }
    return 0;
}

using AresText = std::unique_ptr<char, decltype(&ares_free_string)>;

/// Reads a message from front to back; whatever is read beyond its end is zero, and `failed()`.
class Reader {
  public:
    explicit Reader(Bytes message) : message_(message), end_(message.size()) {}

    bool failed() const { return failed_; }
    std::size_t place() const { return at_; }
    std::size_t left() const { return end_ - at_; }

    std::uint32_t number(std::size_t bytes) {
        std::uint32_t value = 0;
        for (const unsigned char byte : take(bytes))
            value = value << 8U | byte;
        return value;
    }

    Bytes take(std::size_t bytes) {
        if (failed_ || bytes > left()) {
            failed_ = true;
            return {};
        }
        at_ += bytes;
        return message_.substr(at_ - bytes, bytes);
    }

    /// With its last dot. Pointers lead anywhere into the message; c-ares follows only so many.
    std::string name() {
        char* expanded = nullptr;
        long length = 0;
        if (failed_ || left() == 0 ||
            ares_expand_name(message_.data() + at_, message_.data(),
                             static_cast<int>(message_.size()), &expanded,
                             &length) != ARES_SUCCESS) {
            failed_ = true;
            return {};
        }
        const AresText text(expanded, &ares_free_string);
        take(static_cast<std::size_t>(length));
        return std::string(expanded) + ".";
    }

    /// What comes next, `bytes` long, with the whole message before it for names. It fails where
    /// these are not there.
    Reader part(std::size_t bytes) {
        Reader inner = *this;
        take(bytes);
        inner.failed_ = failed_;
        inner.end_ = failed_ ? inner.at_ : at_;
        return inner;
    }

  private:
    Bytes message_;
    std::size_t at_ = 0;
    std::size_t end_;
    bool failed_ = false;
};

std::string address_text(Bytes bytes) {
    std::array<std::uint8_t, 16> address{};
    std::ranges::copy(bytes, address.begin());
    if (bytes.size() == address.size()) return net::Address::v6(address).to_string();
    std::uint32_t v4 = 0;
    std::memcpy(&v4, address.data(), sizeof v4);
    return net::Address::v4(v4).to_string();
}

/// As dig: quotation marks around each piece, decimal escapes for what is not printable.
std::string text_pieces(Reader& data) {
    std::string text;
    while (data.left() > 0 && !data.failed()) {
        text += text.empty() ? "\"" : " \"";
        for (const unsigned char byte : data.take(data.number(1))) {
            if (byte == '"' || byte == '\\')
                text += {'\\', static_cast<char>(byte)};
            else if (byte >= ' ' && byte <= '~')
                text += static_cast<char>(byte);
            else
                text += fmt::format("\\{:03d}", byte);
        }
        text += '"';
    }
    return text;
}

template <std::size_t count>
std::array<std::uint32_t, count> numbers(Reader& data, std::size_t bytes) {
    std::array<std::uint32_t, count> values{};
    for (auto& value : values)
        value = data.number(bytes);
    return values;
}

std::string record_text(DnsType type, Reader& data) {
    switch (type) {
        case DnsType::a:
            return address_text(data.take(4));
        case DnsType::aaaa:
            return address_text(data.take(16));
        case DnsType::cname:
        case DnsType::ns:
        case DnsType::ptr:
            return data.name();
        case DnsType::mx: {
            const auto preference = data.number(2);
            return fmt::format("{} {}", preference, data.name());
        }
        case DnsType::srv: {
            const auto [priority, weight, port] = numbers<3>(data, 2);
            return fmt::format("{} {} {} {}", priority, weight, port, data.name());
        }
        case DnsType::soa: {
            const auto server = data.name();
            const auto person = data.name();
            const auto [serial, refresh, retry, expire, least] = numbers<5>(data, 4);
            return fmt::format("{} {} {} {} {} {} {}", server, person, serial, refresh, retry,
                               expire, least);
        }
        case DnsType::txt:
            return text_pieces(data);
    }
    return "";
}

bool is_same_letter(char left, char right) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return lower(left) == lower(right);
}

bool is_same_word(std::string_view left, std::string_view right) {
    for (auto* word : {&left, &right}) {
        if (word->ends_with('.')) word->remove_suffix(1);
    }
    return std::ranges::equal(left, right, is_same_letter);
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    while (true) {
        text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ')));
        if (text.empty()) return words;
        words.push_back(text.substr(0, text.find(' ')));
        text.remove_prefix(words.back().size());
    }
}

/// False where nothing more can be read.
bool read_record(Reader& reader, const DnsQuery& query, DnsAnswer& answer) {
    reader.name();
    const auto [type, kind] = numbers<2>(reader, 2);
    reader.number(4);  // how long it may be kept
    const auto size = reader.number(2);
    Reader data = reader.part(size);
    if (reader.failed()) return false;
    if (static_cast<int>(type) != number_of(query.type) || kind != internet) return true;
    auto text = record_text(query.type, data);
    const bool is_good = !data.failed() && data.left() == 0 && !text.empty();
    if (is_good) answer.records.push_back(std::move(text));
    return is_good;
}

}  // namespace

Result<std::string> dns_query(const DnsQuery& query) {
    unsigned char* message = nullptr;
    int length = 0;
    const auto* name = query.name == "." ? "" : query.name.c_str();
    const int status =
        ares_create_query(name, internet, number_of(query.type), query.id, 1, &message, &length, 0);
    if (status != ARES_SUCCESS) return fail(ares_strerror(status));
    std::string text(reinterpret_cast<const char*>(message), static_cast<std::size_t>(length));
    ares_free_string(message);
    return text;
}

std::optional<DnsAnswer> parse_dns_answer(std::string_view message, const DnsQuery& query) {
    Reader reader(Bytes(reinterpret_cast<const unsigned char*>(message.data()), message.size()));
    DnsAnswer answer;
    const auto [id, flags, questions, answers] = numbers<4>(reader, 2);
    reader.take(header_size - 8);
    constexpr std::uint32_t is_response = 0x8000;
    constexpr std::uint32_t truncated = 0x0200;
    constexpr std::uint32_t code_mask = 0x000f;
    if (reader.failed() || (flags & is_response) == 0) return std::nullopt;
    answer.id = static_cast<std::uint16_t>(id);
    answer.is_truncated = (flags & truncated) != 0;
    answer.code = static_cast<int>(flags & code_mask);
    if (questions != 1) return answer;
    const auto name = reader.name();
    const auto [type, kind] = numbers<2>(reader, 2);
    if (reader.failed()) return std::nullopt;
    answer.is_of_query = is_same_word(name, query.name) && kind == internet &&
                         static_cast<int>(type) == number_of(query.type);
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(answers, DnsAnswer::most_records); ++i) {
        if (!read_record(reader, query, answer)) {
            if (answer.is_truncated) break;
            return std::nullopt;
        }
    }
    return answer;
}

std::string dns_code_in_words(int code) {
    static constexpr std::array names{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                      "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                      "NXRRSET", "NOTAUTH", "NOTZONE"};
    const auto index = static_cast<std::size_t>(code);
    return index < names.size() ? names.at(index) : fmt::format("RCODE {}", code);
}

bool is_dns_record(std::string_view wanted, std::string_view record, DnsType type) {
    if (wanted == record) return true;
    if (type == DnsType::txt) return record == fmt::format("\"{}\"", wanted);
    if (type == DnsType::a || type == DnsType::aaaa) {
        const auto address = net::Address::parse(wanted);
        return address && address->to_string() == record;
    }
    return std::ranges::equal(words_of(wanted), words_of(record), is_same_word);
}

}  // namespace shoal::health
