#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/monitor.h"

// The little of DNS (RFC 1035) that a check asks and understands.

namespace shoal::health {

struct DnsQuery {
    std::uint16_t id = 0;
    /// "" and "." are the root.
    std::string name;
    model::DnsType type = model::DnsType::a;
};

/// The query as one message, recursion desired.
Result<std::string> dns_query(const DnsQuery& query);

struct DnsAnswer {
    std::uint16_t id = 0;
    /// The answer repeats this question, as it must.
    bool is_of_query = false;
    /// More than fits into a datagram was left out.
    bool is_truncated = false;
    int code = 0;
    /// Those of the type that was asked for, written as dig writes them; no more than
    /// `most_records`.
    std::vector<std::string> records;
    static constexpr std::size_t most_records = 256;
};

/// What a server sent, whatever it is; unset where that is no DNS answer.
std::optional<DnsAnswer> parse_dns_answer(std::string_view message, const DnsQuery& query);

/// "SERVFAIL", "RCODE 17"
std::string dns_code_in_words(int code);

/// Whether `wanted`, written by hand, means `record`: names with or without the last dot, in any
/// case; a text of one piece also without its quotation marks.
bool is_dns_record(std::string_view wanted, std::string_view record, model::DnsType type);

}  // namespace shoal::health
