#include "redundancy/floating_addresses.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "net/arp.h"
#include "net/neighbour_discovery.h"
#include "net/sysctl.h"

namespace shoal::redundancy {
namespace {

constexpr auto labels_key = "labels";

bool is_ours(const net::InterfaceAddress& present) {
    return present.protocol == FloatingAddresses::protocol_number;
}

std::string label_key(const net::Prefix& address, const std::string& device) {
    return fmt::format("{} {}", address.to_string(), device);
}

/// As `state` remembers it; the device's own name where it does not.
std::string ipv6_label(const nlohmann::json& state, const net::Prefix& address,
                       const std::string& device) {
    const auto labels = state.find(labels_key);
    if (labels == state.end() || !labels->is_object()) return device;
    const auto label = labels->find(label_key(address, device));
    return label != labels->end() && label->is_string() ? label->get<std::string>() : device;
}

/// Device and address: what makes an address the administrator's, whatever its prefix and label.
using Place = std::pair<std::string, net::Address>;

FloatingAddress as_floating(const nlohmann::json& state, const net::InterfaceAddress& present,
                            const std::string& device) {
    auto label = present.address.address.is_v6() ? ipv6_label(state, present.address, device)
                                                 : present.label;
    return {present.address, {device, std::move(label)}};
}

/// Appends those of `wanted` whose place the administrator holds. One that is ours at the same time
/// (the kernel allows both with different prefixes) is there already.
void append_held(const std::vector<FloatingAddress>& wanted, const std::set<Place>& administrators,
                 std::vector<FloatingAddress>& found) {
    for (const auto& address : wanted) {
        if (!administrators.contains({address.device.device, address.address.address})) continue;
        if (std::ranges::find(found, address) == found.end()) found.push_back(address);
    }
}

/// The addresses equal to `address` on the link; the kernel allows several with different prefixes.
Result<std::vector<net::InterfaceAddress>> present_on(net::Netlink& netlink, const net::Link& link,
                                                      const net::Address& address) {
    auto all = netlink.addresses();
    if (!all) return all;
    std::erase_if(*all, [&](const net::InterfaceAddress& present) {
        return present.interface_index != link.index || present.address.address != address;
    });
    return all;
}

/// The kernel has exactly what was asked for; IPv6 labels live with us alone.
bool matches(const net::InterfaceAddress& present, const FloatingAddress& wanted) {
    const bool same_label = wanted.address.address.is_v6() || present.label == wanted.device.label;
    return is_ours(present) && present.address == wanted.address && same_label;
}

}  // namespace

FloatingAddresses::FloatingAddresses(std::string state_file) : state_(std::move(state_file)) {}

Result<std::vector<FloatingAddress>> FloatingAddresses::observe(
    const std::vector<FloatingAddress>& wanted) {
    auto netlink = net::Netlink::open();
    if (!netlink) return fail(std::move(netlink.error()));
    const auto links = netlink->links();
    if (!links) return fail(links.error());
    const auto addresses = netlink->addresses();
    if (!addresses) return fail(addresses.error());
    std::map<std::uint32_t, std::string> names;
    for (const auto& link : *links)
        names[link.index] = link.name;

    const auto state = state_.load();
    std::vector<FloatingAddress> found;
    std::set<Place> administrators;
    for (const auto& present : *addresses) {
        const auto name = names.find(present.interface_index);
        if (name == names.end()) continue;
        if (is_ours(present)) {
            found.push_back(as_floating(state, present, name->second));
        } else {
            administrators.emplace(name->second, present.address.address);
        }
    }
    append_held(wanted, administrators, found);
    return found;
}

Result<void> FloatingAddresses::add(const FloatingAddress& address) {
    const auto doing = "adding " + address.address.to_string();
    auto netlink = net::Netlink::open();
    if (!netlink) return fail(netlink.error().within(doing));
    const auto link = netlink->link(address.device.device);
    if (!link) return fail(link.error().within(doing));
    const auto present = present_on(*netlink, *link, address.address.address);
    if (!present) return fail(present.error().within(doing));

    if (present->empty()) {
        if (auto done = insert(*netlink, *link, address); !done) return done;
    }
    for (const auto& other : *present) {
        if (!is_ours(other) || matches(other, address)) continue;
        return fail(fmt::format("{}: it stands on {} as {} ({}) and must be removed first", doing,
                                link->name, other.address.to_string(), other.label));
    }
    const bool ours = std::ranges::all_of(*present, is_ours);
    if (auto done = ours ? remember_label(address) : Result<void>(); !done) return done;
    return announce_from(*link, address);
}

Result<void> FloatingAddresses::insert(net::Netlink& netlink, const net::Link& link,
                                       const FloatingAddress& address) {
    const auto doing = "adding " + address.address.to_string();
    if (!address.address.address.is_v6()) {
        if (auto done = promote_secondaries(link.name); !done) return done;
    }
    auto done =
        netlink.add_address({address.address, link.index, address.device.label, protocol_number});
    if (!done) return done;
    const auto present = present_on(netlink, link, address.address.address);
    if (!present) return fail(present.error().within(doing));
    const bool there = std::ranges::any_of(
        *present, [&](const net::InterfaceAddress& found) { return matches(found, address); });
    if (there) return {};
    return fail(
        fmt::format("{}: the kernel accepted it, but it is not on {} as {} with protocol "
                    "{:#x}",
                    doing, link.name, address.device.label, protocol_number));
}

Result<void> FloatingAddresses::remove(const FloatingAddress& address) {
    const auto doing = "removing " + address.address.to_string();
    auto netlink = net::Netlink::open();
    if (!netlink) return fail(netlink.error().within(doing));
    const auto links = netlink->links();
    if (!links) return fail(links.error().within(doing));
    const auto link = std::ranges::find(*links, address.device.device, &net::Link::name);
    // Its addresses went with the device.
    if (link == links->end()) return forget_label(address);
    const auto is_it = [&](const net::InterfaceAddress& present) {
        return is_ours(present) && present.address == address.address;
    };
    const auto before = present_on(*netlink, *link, address.address.address);
    if (!before) return fail(before.error().within(doing));
    const auto found = std::ranges::find_if(*before, is_it);
    if (found == before->end()) return forget_label(address);

    if (!address.address.address.is_v6()) {
        // Again: somebody may have reset it since the address was added.
        if (auto done = promote_secondaries(link->name); !done) return done;
    }
    auto removed =
        netlink->remove_address({found->address, link->index, found->label, protocol_number});
    if (!removed) return removed;
    const auto after = present_on(*netlink, *link, address.address.address);
    if (!after) return fail(after.error().within(doing));
    if (std::ranges::any_of(*after, is_it)) {
        return fail(fmt::format("{}: it is still on {}", doing, link->name));
    }
    return forget_label(address);
}

Result<void> FloatingAddresses::announce(const FloatingAddress& address) {
    const auto doing = "announcing " + address.address.to_string();
    auto netlink = net::Netlink::open();
    if (!netlink) return fail(netlink.error().within(doing));
    const auto link = netlink->link(address.device.device);
    if (!link) return fail(link.error().within(doing));
    return announce_from(*link, address);
}

Result<void> FloatingAddresses::announce_from(const net::Link& link,
                                              const FloatingAddress& address) {
    // A link without neighbours has nobody to tell.
    if (!link.mac || link.no_arp) return {};
    const auto socket = packet_socket();
    if (!socket) return fail(socket.error());
    const auto& ip = address.address.address;
    if (!ip.is_v6()) return net::announce_ipv4(**socket, link.index, ip, *link.mac);
    const auto forwarding = net::read_sysctl(net::ipv6_device_sysctl(link.name, "forwarding"));
    const bool router = forwarding && forwarding->value_or(0) != 0;
    return net::announce_ipv6(**socket, link.index, ip, *link.mac, router);
}

Result<net::PacketSocket*> FloatingAddresses::packet_socket() {
    if (!packet_socket_) {
        auto opened = net::PacketSocket::open();
        if (!opened) return fail(std::move(opened.error()));
        packet_socket_ = std::move(*opened);
    }
    return &*packet_socket_;
}

Result<void> FloatingAddresses::withdraw() {
    const auto ours = observe();
    if (!ours) return fail(ours.error());
    Result<void> outcome;
    for (const auto& address : *ours) {
        auto removed = remove(address);
        if (!removed && outcome) outcome = std::move(removed);
    }
    auto restored = net::restore_sysctls(state_);
    return outcome ? restored : outcome;
}

Result<void> FloatingAddresses::promote_secondaries(const std::string& device) {
    // Either of the two switches it on.
    const auto all = net::read_sysctl(net::ipv4_device_sysctl("all", "promote_secondaries"));
    if (all && all->value_or(0) != 0) return {};
    return net::change_sysctl(state_, net::ipv4_device_sysctl(device, "promote_secondaries"), 1);
}

Result<void> FloatingAddresses::remember_label(const FloatingAddress& address) {
    if (!address.address.address.is_v6()) return {};
    auto state = state_.load();
    auto& labels = state[labels_key];
    if (!labels.is_object()) labels = nlohmann::json::object();
    labels[label_key(address.address, address.device.device)] = address.device.label;
    return state_.store(state);
}

Result<void> FloatingAddresses::forget_label(const FloatingAddress& address) {
    auto state = state_.load();
    const auto labels = state.find(labels_key);
    if (labels == state.end() || !labels->is_object()) return {};
    if (labels->erase(label_key(address.address, address.device.device)) == 0) return {};
    if (labels->empty()) state.erase(labels_key);
    return state_.store(state);
}

}  // namespace shoal::redundancy
