#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace shoal::director {

/// Somebody did something, or tried to.
struct AuditRecord {
    /// From 1, without gaps.
    std::uint64_t number = 0;
    /// Wall clock, milliseconds since 1970.
    std::int64_t time_ms = 0;
    /// "shoald": the director by itself; "file": whoever edited the configuration file.
    std::string user{};
    std::optional<std::uint32_t> uid{};
    std::optional<std::int32_t> pid{};
    /// The socket that it came by, or "signal", "start", "timer".
    std::string from{};
    /// "PUT /api/v1/config?comment=x"
    std::string what{};
    /// "200", or a refusal with its reason.
    std::string result{};
    bool operator==(const AuditRecord&) const = default;
};

/// A record in the chain: each line has the hash of the one before, and its own over all of that.
struct AuditLink {
    AuditRecord record{};
    // SHA-256, in hexadecimal digits; `previous` of the first one is empty.
    std::string previous{};
    std::string hash{};
    bool operator==(const AuditLink&) const = default;
};

/// The line of a record, with its end, and the hash that the next one names.
struct AuditLine {
    std::string text;
    std::string hash;
};
AuditLine audit_line(const AuditRecord& record, std::string_view previous);

/// A line without its end. Fails where it is damaged or was changed.
Result<AuditLink> parse_audit_line(std::string_view line);

/// What lines say, and what is wrong with them, one sentence each: lines that are damaged, missing,
/// or put in.
struct AuditReading {
    std::vector<AuditRecord> records{};
    std::vector<std::string> damages{};
    /// Of the last good line; empty: there is none.
    std::string hash{};
};
/// Reads on from what `reading` has.
void read_audit(std::string_view file, std::string_view name, AuditReading& reading);

}  // namespace shoal::director
