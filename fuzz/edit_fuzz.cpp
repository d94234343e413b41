// Two texts with a zero byte between: where both are valid, the first one is changed into what the
// second one means, or it is said why not. Without a second one, something of the first changes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/edit/edit.h"
#include "config/toml_reader.h"

namespace {

using shoal::model::Configuration;

void require(bool holds) {
    if (!holds) std::abort();
}

void change(Configuration& configuration, std::uint8_t dice) {
    auto& services = configuration.virtual_servers;
    configuration.global.name = "fuzz";
    if ((dice & 1U) != 0) configuration.global.timeouts.udp += std::chrono::seconds(1);
    if ((dice & 2U) != 0) std::ranges::reverse(services);
    if ((dice & 4U) != 0) configuration.global.nat_router.reset();
    if (services.empty()) return;
    auto& service = services.front();
    if ((dice & 8U) != 0) service.allow.clear();
    if ((dice & 16U) != 0) service.quorum = service.quorum % 4'000 + 1;
    if ((dice & 32U) != 0) std::ranges::reverse(service.real_servers);
    if ((dice & 64U) != 0 && !service.real_servers.empty()) service.real_servers.pop_back();
    if ((dice & 128U) != 0) service.name += " x";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto text = all.substr(0, all.find('\0'));
    const auto present = shoal::config::read_toml(text, {});
    if (!present) {
        require(!shoal::config::edit_toml(text, {}));
        return 0;
    }
    require(shoal::config::edit_toml(text, *present) == std::string(text));
    auto intended = *present;
    if (text.size() == all.size()) {
        change(intended, data[0]);
    } else if (auto other = shoal::config::read_toml(all.substr(text.size() + 1), {})) {
        intended = std::move(*other);
    }
    const auto edited = shoal::config::edit_toml(text, intended);
    if (!edited) {
        require(!edited.error().empty());
        return 0;
    }
    const auto read = shoal::config::read_toml(*edited, {});
    require(read && *read == intended);
    return 0;
}
