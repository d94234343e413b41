#include "dataplane/bpf/access_lists.h"

#include <bpf/bpf.h>

#include <cerrno>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/map_entries.h"

namespace shoal::dataplane {

namespace {

/// Bits of shoal_access_key before the address.
constexpr __u32 bits_before_address = 32;

}  // namespace

Result<void> AccessLists::load(const std::function<__u8(std::uint32_t)>& family) {
    held_.clear();
    return for_each_entry<shoal_access_key, __u32>(
        map_, [&](const shoal_access_key& key, __u32 may) {
            const net::Prefix prefix{address_of(key.address, family(key.service)),
                                     static_cast<int>(key.length - bits_before_address)};
            held_[key.service][prefix] = may != 0;
        });
}

AccessEntries AccessLists::of(std::uint32_t service) const {
    const auto found = held_.find(service);
    return found == held_.end() ? AccessEntries{} : found->second;
}

/// `may` null: deletes.
Result<void> AccessLists::write(std::uint32_t service, const net::Prefix& prefix, const bool* may) {
    shoal_access_key key{};
    key.length = bits_before_address + static_cast<__u32>(prefix.length);
    key.service = service;
    put_address(key.address, prefix.address);
    const __u32 value = may != nullptr && *may ? 1 : 0;
    const int error = may != nullptr ? bpf_map_update_elem(map_, &key, &value, BPF_ANY)
                                     : bpf_map_delete_elem(map_, &key);
    if (error != 0 && (may != nullptr || errno != ENOENT)) {
        if (errno == ENOSPC) return fail("the table of access lists is full");
        return fail(system_error("changing an access list", errno));
    }
    AccessEntries& held = held_[service];
    if (may != nullptr) {
        held[prefix] = *may;
    } else {
        held.erase(prefix);
    }
    if (held.empty()) held_.erase(service);
    return {};
}

Result<void> AccessLists::add(std::uint32_t service, const AccessEntries& wanted) {
    const AccessEntries before = of(service);
    for (const auto& [prefix, may] : wanted) {
        const auto former = before.find(prefix);
        if (former != before.end() && former->second == may) continue;
        auto done = write(service, prefix, &may);
        if (!done) {
            // Reported is what failed first.
            for (const auto& [old, decision] : before)
                static_cast<void>(write(service, old, &decision));
            static_cast<void>(remove_others(service, before));
            return done;
        }
    }
    return {};
}

Result<void> AccessLists::remove_others(std::uint32_t service, const AccessEntries& wanted) {
    for (const auto& [prefix, may] : of(service)) {
        if (wanted.contains(prefix)) continue;
        if (auto done = write(service, prefix, nullptr); !done) return done;
    }
    return {};
}

}  // namespace shoal::dataplane
