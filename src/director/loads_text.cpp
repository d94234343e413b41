#include "director/loads_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "model/choices.h"

namespace shoal::director {

namespace {

using health::AgentWish;
using nlohmann::json;

/// In the agent protocol's words.
constexpr std::array wishes{std::pair{AgentWish::ready, std::string_view("ready")},
                            std::pair{AgentWish::drain, std::string_view("drain")},
                            std::pair{AgentWish::maintenance, std::string_view("maint")}};

std::string_view word_of(AgentWish wish) {
    return std::ranges::find(wishes, wish, &decltype(wishes)::value_type::first)->second;
}

json write(const health::TargetId& target, const health::LoadMemory& memory) {
    return {{"virtual_server", target.virtual_server}, {"real_server", target.real_server},
            {"address", memory.address.to_string()},   {"tool", model::name_of(memory.tool)},
            {"per_mille", memory.per_mille},           {"up", memory.agent.up},
            {"wish", word_of(memory.agent.wish)},      {"reason", memory.agent.reason}};
}

// Failures are exceptions up to parse_loads(), as nlohmann-json's own are.

AgentWish read_wish(const std::string& word) {
    const auto* wish = std::ranges::find(wishes, word, &decltype(wishes)::value_type::second);
    if (wish == wishes.end()) throw std::invalid_argument("an unknown wish of an agent");
    return wish->first;
}

std::uint32_t read_factor(const json& number) {
    // Of all bounds that a configuration may set.
    constexpr std::int64_t greatest = 1'000'000;
    const auto factor = number.is_number_integer() ? number.get<std::int64_t>() : -1;
    if (factor < 0 || factor > greatest) throw std::invalid_argument("a factor out of range");
    return static_cast<std::uint32_t>(factor);
}

health::LoadMemory read_memory(const json& object) {
    const auto address = net::Address::parse(object.at("address").get<std::string>());
    const auto tool = model::value_of<model::LoadTool>(object.at("tool").get<std::string>());
    if (!address) throw std::invalid_argument("an address that is none");
    if (!tool) throw std::invalid_argument("an unknown load monitoring tool");
    return {.address = *address,
            .tool = *tool,
            .per_mille = read_factor(object.at("per_mille")),
            .agent = {.up = object.at("up").get<bool>(),
                      .wish = read_wish(object.at("wish").get<std::string>()),
                      .reason = object.at("reason").get<std::string>()}};
}

}  // namespace

std::string loads_text(const health::LoadMemories& memories) {
    std::string text = "{\"loads\": [";
    const char* before = "\n";
    for (const auto& [target, memory] : memories) {
        text += before + write(target, memory).dump();
        before = ",\n";
    }
    return text + "\n]}\n";
}

Result<health::LoadMemories> parse_loads(std::string_view text) {
    try {
        health::LoadMemories memories;
        const auto document = json::parse(text);
        for (const auto& object : document.at("loads")) {
            const health::TargetId target{object.at("virtual_server").get<std::string>(),
                                          object.at("real_server").get<std::string>()};
            if (!memories.emplace(target, read_memory(object)).second)
                throw std::invalid_argument("a real server that is there twice");
        }
        return memories;
    } catch (const std::exception& problem) {
        return fail(
            fmt::format("what is remembered of loads is not understood: {}", problem.what()));
    }
}

}  // namespace shoal::director
