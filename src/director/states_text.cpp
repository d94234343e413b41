#include "director/states_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace shoal::director {

namespace {

using model::AdministrativeState;
using nlohmann::json;

/// The end of the year 9999: nobody means more, and sums with it have room.
constexpr std::int64_t latest_ms = 253'402'300'799'999;

json write(const health::TargetId& target, const StateEntry& entry) {
    json object{{"virtual_server", target.virtual_server},
                {"real_server", target.real_server},
                {"state", model::name_of(entry.state)},
                {"since_ms", entry.since_ms}};
    if (entry.deadline_ms) object["deadline_ms"] = *entry.deadline_ms;
    if (entry.until_ms) {
        object["until_ms"] = *entry.until_ms;
        object["then"] = model::name_of(entry.then);
    }
    return object;
}

// Failures are exceptions up to parse_states(), as nlohmann-json's own are.

AdministrativeState read_state(const json& word) {
    const auto state = model::value_of<AdministrativeState>(word.get<std::string>());
    if (!state) throw std::invalid_argument("an unknown state");
    return *state;
}

std::int64_t read_time(const json& number) {
    if (!number.is_number_integer()) throw std::invalid_argument("a time that is no whole number");
    const auto time = number.get<std::int64_t>();
    if (time < 0 || time > latest_ms) throw std::invalid_argument("a time out of range");
    return time;
}

StateEntry read_entry(const json& object) {
    StateEntry entry{.state = read_state(object.at("state")),
                     .since_ms = read_time(object.at("since_ms"))};
    if (object.contains("deadline_ms")) entry.deadline_ms = read_time(object["deadline_ms"]);
    if (object.contains("until_ms")) {
        entry.until_ms = read_time(object["until_ms"]);
        entry.then = read_state(object.at("then"));
    }
    return entry;
}

}  // namespace

std::string states_text(const StateEntries& entries) {
    std::string text = "{\"states\": [";
    const char* before = "\n";
    for (const auto& [target, entry] : entries) {
        text += before + write(target, entry).dump();
        before = ",\n";
    }
    return text + "\n]}\n";
}

Result<StateEntries> parse_states(std::string_view text) {
    try {
        StateEntries entries;
        const auto document = json::parse(text);
        for (const auto& object : document.at("states")) {
            const health::TargetId target{object.at("virtual_server").get<std::string>(),
                                          object.at("real_server").get<std::string>()};
            if (!entries.emplace(target, read_entry(object)).second)
                throw std::invalid_argument("a real server that is there twice");
        }
        return entries;
    } catch (const std::exception& problem) {
        return fail(
            fmt::format("the administrative states are not understood: {}", problem.what()));
    }
}

}  // namespace shoal::director
