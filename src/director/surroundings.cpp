#include "director/surroundings.h"

#include <fmt/format.h>

#include <algorithm>

#include "director/sorry_server.h"

namespace shoal::director {

net::DirectorUse director_use(const model::Configuration& configuration,
                              const std::set<std::string>& server_devices) {
    net::DirectorUse use;
    use.server_devices = server_devices;
    for (const auto& service : configuration.virtual_servers) {
        if (!service.active) continue;
        use.client_devices.insert(service.device.device);
        const bool v6 = service.address.address.is_v6();
        const auto note = [&use, v6](model::ForwardingMethod method) {
            const bool nat = method == model::ForwardingMethod::nat;
            if (v6)
                use.nat_v6 |= nat;
            else
                (nat ? use.nat : use.direct) = true;
        };
        for (const auto& server : service.real_servers)
            note(model::forwarding_method(configuration, service, server));
        if (const auto sorry = sorry_server(configuration, service)) note(sorry->method);
    }
    return use;
}

namespace {

Result<void> change_after(const std::set<std::string>& failed, const net::WrongSysctl& sysctl,
                          const net::StateFile& state) {
    const auto obstacle = std::ranges::find_if(
        sysctl.after, [&](const std::string& name) { return failed.contains(name); });
    if (obstacle != sysctl.after.end()) return fail("left alone because of " + *obstacle);
    return net::change_sysctl(state, sysctl.name, sysctl.wanted);
}

}  // namespace

std::vector<std::string> sysctl_problems(const model::Configuration& configuration,
                                         const std::set<std::string>& server_devices,
                                         const net::StateFile& state) {
    const auto wrong = net::wrong_sysctls(director_use(configuration, server_devices));
    if (!wrong) return {"cannot read kernel settings: " + wrong.error().message};
    std::vector<std::string> problems;
    std::set<std::string> failed;
    for (const auto& sysctl : *wrong) {
        std::string failure;
        if (configuration.global.manage_sysctl) {
            const auto changed = change_after(failed, sysctl, state);
            if (changed) continue;
            failed.insert(sysctl.name);
            failure = " (" + changed.error().message + ")";
        }
        problems.push_back(fmt::format("{} is {} and should be {}: {}{}", sysctl.name, sysctl.value,
                                       sysctl.wanted, sysctl.why, failure));
    }
    return problems;
}

}  // namespace shoal::director
