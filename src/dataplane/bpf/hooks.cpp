#include "dataplane/bpf/hooks.h"

#include <fmt/format.h>

#include <algorithm>

#include "dataplane/bpf/fragment_holder.h"

namespace shoal::dataplane {

namespace {

using model::HookChoice;

/// Calls `visit` for every device; a device that vanished meanwhile is no error.
template <class Visit>
Result<void> for_each_device(Visit visit) {
    const auto devices = all_devices();
    if (!devices) return fail(devices.error());
    for (const Device& device : *devices) {
        if (auto done = visit(device); !done && find_device(device.name)) return done;
    }
    return {};
}

std::string driver_or_name(const std::string& device) {
    const std::string driver = driver_of(device);
    return driver.empty() ? device : driver;
}

}  // namespace

Result<std::vector<Hooks::Hooked>> Hooks::hooked() const {
    std::vector<Hooked> found;
    const std::uint32_t id = program_id(tc_program_);
    auto done = for_each_device([&](const Device& device) -> Result<void> {
        if (device.name == FragmentHolder::device_name) return {};
        const auto filters = list_tc_filters(device);
        if (!filters) return fail(filters.error());
        const auto current = std::ranges::find(filters->ours, id, &TcFilter::program);
        if (current != filters->ours.end()) found.push_back({device, current->wanted});
        return {};
    });
    if (!done) return fail(done.error());
    return found;
}

const Hooks::Hooked* Hooks::find_obstacle(const std::vector<Hooked>& all) const {
    const auto found = std::ranges::find_if(all, [&](const Hooked& it) {
        return !is_good(it.device.name) || refusals_.contains(it.device.name);
    });
    return found == all.end() ? nullptr : &*found;
}

std::string Hooks::reason_for_tc(const Hooked& hook, const Hooked* obstacle) const {
    const std::string& device = hook.device.name;
    if (hook.wanted == HookChoice::tc) return "as configured";
    if (const auto refused = refusals_.find(device); refused != refusals_.end()) {
        return "XDP refused: " + refused->second;
    }
    if (hook.wanted == HookChoice::automatic && !is_good(device)) {
        return driver_or_name(device) + ": bulk packets keep their offloads at tc";
    }
    if (hook.wanted == HookChoice::automatic && obstacle != nullptr) {
        return obstacle->device.name + " takes no packets from XDP";
    }
    return "XDP was refused on a hooked device";
}

Result<Hook> Hooks::observe_one(const Hooked& hook, const Hooked* obstacle) const {
    const auto xdp = xdp_.attached(hook.device);
    if (!xdp) return fail(xdp.error());
    if (*xdp) {
        return Hook{hook.wanted, HookChoice::xdp,
                    driver_or_name(hook.device.name) + ": native XDP"};
    }
    const auto untold = xdp_.untold(hook.device);
    if (!untold) return fail(untold.error());
    return Hook{hook.wanted, HookChoice::tc,
                *untold ? untold_program : reason_for_tc(hook, obstacle)};
}

Result<std::map<std::string, Hook>> Hooks::observe() const {
    const auto all = hooked();
    if (!all) return fail(all.error());
    const Hooked* obstacle = find_obstacle(*all);
    std::map<std::string, Hook> hooks;
    for (const Hooked& it : *all) {
        auto hook = observe_one(it, obstacle);
        if (!hook) return fail(hook.error());
        hooks[it.device.name] = std::move(*hook);
    }
    return hooks;
}

Result<void> Hooks::try_xdp(const Device& device) {
    if (auto done = xdp_.attach(device); !done) {
        refusals_[device.name] = done.error().message;
        // What an earlier run attached must not go on alone.
        return xdp_.detach(device);
    }
    return {};
}

Result<void> Hooks::settle_automatic() {
    const auto all = hooked();
    if (!all) return fail(all.error());
    if (find_obstacle(*all) == nullptr) {
        if (auto done = try_automatic(*all); !done) return done;
    }
    return find_obstacle(*all) == nullptr ? Result<void>() : leave_xdp_to_those_who_insist(*all);
}

Result<void> Hooks::try_automatic(const std::vector<Hooked>& all) {
    for (const Hooked& it : all) {
        if (it.wanted != HookChoice::automatic) continue;
        const auto present = xdp_.attached(it.device);
        if (!present) return fail(present.error());
        if (*present) continue;
        if (auto done = try_xdp(it.device); !done) return done;
        // No need to disturb the others.
        if (refusals_.contains(it.device.name)) return {};
    }
    return {};
}

Result<bool> Hooks::lacks_xdp(const std::vector<Hooked>& all) const {
    for (const Hooked& it : all) {
        if (it.wanted == HookChoice::tc) continue;
        const auto present = xdp_.attached(it.device);
        if (!present) return fail(present.error());
        if (!*present) return true;
    }
    return false;
}

Result<void> Hooks::leave_xdp_to_those_who_insist(const std::vector<Hooked>& all) const {
    for (const Hooked& it : all) {
        if (it.wanted != HookChoice::automatic) continue;
        if (auto done = xdp_.detach(it.device); !done) return done;
    }
    return {};
}

Result<void> Hooks::attach(const AttachHook& attach) {
    const auto device = find_device(attach.device);
    if (!device) return fail(device.error());
    if (auto done = attach_tc(*device, tc_program_, attach.choice); !done) return done;
    refusals_.erase(attach.device);
    Result<void> done;
    if (attach.choice == HookChoice::tc) done = xdp_.detach(*device);
    if (attach.choice == HookChoice::xdp) done = try_xdp(*device);
    return done ? settle_automatic() : done;
}

Result<void> Hooks::detach(const DetachHook& detach) {
    const auto device = find_device(detach.device);
    if (!device) return fail(device.error());
    refusals_.erase(detach.device);
    if (auto done = xdp_.detach(*device); !done) return done;
    if (auto done = detach_tc(*device); !done) return done;
    // It may have been what kept the others from XDP.
    return settle_automatic();
}

Result<void> Hooks::replace_at(const Device& device) const {
    const auto filters = list_tc_filters(device);
    if (!filters) return fail(filters.error());
    const bool hooked = !filters->ours.empty();
    if (hooked) {
        const HookChoice wanted = filters->ours.front().wanted;
        if (auto done = attach_tc(device, tc_program_, wanted); !done) return done;
    }
    const auto xdp = hooked ? xdp_.attached_or_left(device) : xdp_.attached(device);
    if (!xdp) return fail(xdp.error());
    if (*xdp) {
        if (auto done = xdp_.attach(device); !done) return done;
    }
    const bool behind = std::ranges::any_of(
        filters->ours, [](const TcFilter& filter) { return filter.place == Place::behind; });
    return behind ? detach_tc_behind(device) : Result<void>();
}

Result<void> Hooks::stand_behind() const {
    return for_each_device([&](const Device& device) -> Result<void> {
        const auto filters = list_tc_filters(device);
        if (!filters) return fail(filters.error());
        if (filters->ours.empty()) return {};
        return attach_tc(device, tc_program_, filters->ours.front().wanted, Place::behind);
    });
}

Result<void> Hooks::step_back() {
    return for_each_device([](const Device& device) { return detach_tc_behind(device); });
}

Result<void> Hooks::replace_programs() const {
    auto replaced = for_each_device([&](const Device& device) { return replace_at(device); });
    if (!replaced) return replaced;
    const auto all = hooked();
    if (!all) return fail(all.error());
    const auto lacking = lacks_xdp(*all);
    if (!lacking) return fail(lacking.error());
    return *lacking ? leave_xdp_to_those_who_insist(*all) : Result<void>();
}

Result<void> Hooks::detach_all() const {
    return for_each_device([&](const Device& device) -> Result<void> {
        if (auto done = xdp_.detach(device); !done) return done;
        return detach_tc(device);
    });
}

}  // namespace shoal::dataplane
