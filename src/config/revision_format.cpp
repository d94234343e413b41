#include "config/revision_format.h"

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "base/sha256.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using nlohmann::json;

/// The end of the year 9999: sums with it have room.
constexpr std::int64_t latest_ms = 253'402'300'799'999;
constexpr std::uint64_t highest_number = std::uint64_t{1} << 53U;

std::string sealed(const json& head, std::string_view text) {
    auto content = head.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    content += text;
    return sha256(content) + "\n" + content;
}

// Failures are exceptions up to guarded(), as nlohmann-json's own are.

std::string_view take_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) throw std::invalid_argument("a line has no end");
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return line;
}

/// The line of JSON, and `file` set behind it.
json open_seal(std::string_view& file) {
    const auto seal = take_line(file);
    if (seal != sha256(file)) throw std::invalid_argument("its checksum is wrong");
    return json::parse(take_line(file));
}

std::uint64_t read_number(const json& value, std::uint64_t least) {
    if (!value.is_number_unsigned()) throw std::invalid_argument("no whole number");
    const auto number = value.get<std::uint64_t>();
    if (number < least || number > highest_number)
        throw std::invalid_argument("a number out of range");
    return number;
}

std::int64_t read_time(const json& value) {
    if (!value.is_number_integer()) throw std::invalid_argument("no whole number");
    const auto time = value.get<std::int64_t>();
    if (time < 0 || time > latest_ms) throw std::invalid_argument("a time out of range");
    return time;
}

std::optional<std::uint32_t> read_uid(const json& value) {
    if (value.is_null()) return std::nullopt;
    const auto uid = read_number(value, 0);
    if (!std::in_range<std::uint32_t>(uid)) throw std::invalid_argument("no user's number");
    return static_cast<std::uint32_t>(uid);
}

template <class T, class Read>
Result<T> guarded(Read&& read) {
    try {
        return read();
    } catch (const std::exception& problem) {
        return fail(std::string("it is damaged: ") + problem.what());
    }
}

}  // namespace

Result<std::string> parse_remark(std::string_view text) {
    try {
        // Refuses what is no UTF-8.
        static_cast<void>(json(text).dump());
    } catch (const json::exception&) {
        return fail("it is no UTF-8");
    }
    return model::parse_line(text);
}

std::string revision_file(const Revision& revision) {
    const auto& head = revision.head;
    return sealed({{"number", head.number},
                   {"author", head.author.user},
                   {"uid", head.author.uid ? json(*head.author.uid) : json()},
                   {"comment", head.comment},
                   {"time_ms", head.time_ms}},
                  revision.text);
}

Result<Revision> parse_revision(std::string_view file) {
    return guarded<Revision>([&] {
        const auto head = open_seal(file);
        Revision revision;
        revision.head = {.number = read_number(head.at("number"), 1),
                         .author = {head.at("author").get<std::string>(), read_uid(head.at("uid"))},
                         .comment = head.at("comment").get<std::string>(),
                         .time_ms = read_time(head.at("time_ms")),
                         .hash = sha256(file)};
        revision.text = file;
        return revision;
    });
}

std::string standing_file(const Standing& standing) {
    json head{{"in_force", standing.in_force},
              {"predecessor", standing.predecessor},
              {"file_hash", standing.file_hash},
              {"taken_back", standing.taken_back}};
    if (const auto& trial = standing.trial) {
        head["trial"] = {{"former", trial->former},
                         {"deadline_ms", trial->deadline_ms},
                         {"span_ms", trial->span_ms}};
    }
    return sealed(head, "");
}

Result<Standing> parse_standing(std::string_view file) {
    return guarded<Standing>([&] {
        const auto head = open_seal(file);
        if (!file.empty()) throw std::invalid_argument("something follows its end");
        Standing standing;
        standing.in_force = read_number(head.at("in_force"), 0);
        standing.predecessor = read_number(head.at("predecessor"), 0);
        standing.file_hash = head.at("file_hash").get<std::string>();
        if (!standing.file_hash.empty() && !is_sha256(standing.file_hash))
            throw std::invalid_argument("no checksum");
        for (const auto& number : head.at("taken_back"))
            standing.taken_back.insert(read_number(number, 1));
        if (head.contains("trial")) {
            const auto& trial = head["trial"];
            standing.trial = {.former = read_number(trial.at("former"), 1),
                              .deadline_ms = read_time(trial.at("deadline_ms")),
                              .span_ms = read_time(trial.at("span_ms"))};
        }
        return standing;
    });
}

}  // namespace shoal::config
