#include "director/audit_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "base/sha256.h"

namespace shoal::director {

namespace {

using nlohmann::json;

/// Before the hash, which is the last member; then come the quotation mark and the brace.
constexpr std::string_view hash_member = ",\"hash\":\"";
constexpr std::size_t hash_digits = 64;
constexpr std::uint64_t highest_number = std::uint64_t{1} << 53U;
/// The end of the year 9999.
constexpr std::int64_t latest_ms = 253'402'300'799'999;

template <class Number>
Number read_number(const json& value, std::int64_t least, std::int64_t most) {
    if (!value.is_number_integer()) throw std::invalid_argument("no whole number");
    const auto number = value.get<std::int64_t>();
    if (number < least || number > most) throw std::invalid_argument("a number out of range");
    return static_cast<Number>(number);
}

template <class Number>
std::optional<Number> read_optional(const json& value) {
    if (value.is_null()) return std::nullopt;
    return read_number<Number>(value, std::numeric_limits<Number>::min(),
                               std::numeric_limits<Number>::max());
}

template <class Number>
json optional_json(const std::optional<Number>& value) {
    return value ? json(*value) : json();
}

AuditLink read_link(const json& body, std::string_view hash) {
    return {.record = {.number = read_number<std::uint64_t>(body.at("number"), 1, highest_number),
                       .time_ms = read_number<std::int64_t>(body.at("time_ms"), 0, latest_ms),
                       .user = body.at("user").get<std::string>(),
                       .uid = read_optional<std::uint32_t>(body.at("uid")),
                       .pid = read_optional<std::int32_t>(body.at("pid")),
                       .from = body.at("from").get<std::string>(),
                       .what = body.at("what").get<std::string>(),
                       .result = body.at("result").get<std::string>()},
            .previous = body.at("previous").get<std::string>(),
            .hash = std::string(hash)};
}

}  // namespace

AuditLine audit_line(const AuditRecord& record, std::string_view previous) {
    const json body{{"number", record.number},
                    {"time_ms", record.time_ms},
                    {"user", record.user},
                    {"uid", optional_json(record.uid)},
                    {"pid", optional_json(record.pid)},
                    {"from", record.from},
                    {"what", record.what},
                    {"result", record.result},
                    {"previous", previous}};
    auto text = body.dump(-1, ' ', false, json::error_handler_t::replace);
    auto hash = sha256(text);
    text.pop_back();
    text += fmt::format("{}{}\"}}\n", hash_member, hash);
    return {std::move(text), std::move(hash)};
}

Result<AuditLink> parse_audit_line(std::string_view line) {
    const auto tail = hash_member.size() + hash_digits + 2;
    if (line.size() < tail || !line.ends_with("\"}")) return fail("it is cut off");
    const auto hash = line.substr(line.size() - hash_digits - 2, hash_digits);
    if (line.substr(line.size() - tail, hash_member.size()) != hash_member)
        return fail("it has no checksum");
    const auto body = std::string(line.substr(0, line.size() - tail)) + "}";
    if (sha256(body) != hash) return fail("its checksum is wrong");
    try {
        return read_link(json::parse(body), hash);
    } catch (const std::exception& problem) {
        return fail(problem.what());
    }
}

void read_audit(std::string_view file, std::string_view name, AuditReading& reading) {
    for (std::size_t number = 1; !file.empty(); ++number) {
        const auto end = std::min(file.find('\n'), file.size());
        const auto line = file.substr(0, end);
        file.remove_prefix(std::min(end + 1, file.size()));
        if (line.empty()) continue;
        const auto complain = [&](std::string_view why) {
            reading.damages.push_back(fmt::format("{}, line {}: {}", name, number, why));
        };
        auto link = parse_audit_line(line);
        if (!link) {
            complain(link.error().message);
            continue;
        }
        const bool first = reading.records.empty();
        if (!first && (link->previous != reading.hash ||
                       link->record.number != reading.records.back().number + 1))
            complain("it does not follow what stands before it");
        reading.records.push_back(std::move(link->record));
        reading.hash = std::move(link->hash);
    }
}

}  // namespace shoal::director
