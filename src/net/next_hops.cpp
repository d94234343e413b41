#include "net/next_hops.h"

#include <net/if.h>

#include <array>
#include <utility>

namespace shoal::net {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
    using Visitors::operator()...;
};

}  // namespace

NextHops::NextHops(Netlink& netlink, Changed changed)
    : netlink_(netlink), changed_(std::move(changed)) {}

Result<void> NextHops::track(const std::set<Address>& real_servers) {
    std::erase_if(hops_, [&](const auto& entry) { return !real_servers.contains(entry.first); });
    std::erase_if(remembered_,
                  [&](const auto& entry) { return !real_servers.contains(entry.first); });
    std::vector<std::pair<Address, Resolve>> added;
    for (const auto& server : real_servers) {
        if (hops_.try_emplace(server).second) added.emplace_back(server, Resolve::yes);
    }
    // Goes on without the links: interfaces() must not be empty because of them.
    auto read = links_.empty() ? read_links() : Result<void>();
    auto refreshed = refresh(added);
    return read ? refreshed : read;
}

Result<void> NextHops::reload() {
    if (auto read = read_links(); !read) return read;
    std::vector<std::pair<Address, Resolve>> all;
    for (const auto& [server, hop] : hops_)
        all.emplace_back(server, Resolve::yes);
    return refresh(all);
}

Result<void> NextHops::handle(std::span<const NetlinkEvent> events) {
    Stale stale;
    for (const auto& event : events)
        note(event, stale);
    std::vector<std::pair<Address, Resolve>> concerned;
    for (const auto& [server, hop] : hops_) {
        if (stale.all || !hop || stale.interfaces.contains(hop->interface_index)) {
            concerned.emplace_back(server, Resolve::yes);
            continue;
        }
        const auto neighbour = stale.neighbours.find({hop->interface_index, hop->gateway});
        if (neighbour == stale.neighbours.end()) continue;
        // A neighbour that does not answer (FAILED) is not asked for ever: only one whose entry is
        // gone. The health checks ask for it anyway.
        concerned.emplace_back(server, neighbour->second ? Resolve::yes : Resolve::no);
    }
    return refresh(concerned);
}

void NextHops::note(const NetlinkEvent& event, Stale& stale) {
    std::visit(Overloaded{[&](const LinkChanged& change) {
                              stale.interfaces.insert(change.link.index);
                              if (change.removed) {
                                  links_.erase(change.link.index);
                              } else {
                                  links_[change.link.index] = change.link;
                              }
                          },
                          // What an address changes in routes comes as route changes of its own,
                          // local ones included.
                          [](const AddressChanged&) {}, [&](RouteChanged) { stale.all = true; },
                          [&](const NeighbourChanged& change) {
                              const auto& neighbour = change.neighbour;
                              stale.neighbours[{neighbour.interface_index, neighbour.address}] =
                                  change.removed;
                          }},
               event);
}

Result<void> NextHops::read_links() {
    auto links = netlink_.links();
    if (!links) return fail(std::move(links.error()));
    links_.clear();
    for (auto& link : *links)
        links_[link.index] = std::move(link);
    return {};
}

Result<void> NextHops::refresh(const std::vector<std::pair<Address, Resolve>>& real_servers) {
    std::vector<std::pair<Address, NextHop>> changes;
    Result<void> outcome;
    for (const auto& [server, resolve] : real_servers) {
        auto hop = look_up(server, resolve);
        if (!hop) {
            if (outcome) outcome = fail(std::move(hop.error()));
            continue;
        }
        remember_interface(server, hop->interface_index);
        auto& known = hops_[server];
        if (known == *hop) continue;
        known = *hop;
        changes.emplace_back(server, *hop);
    }
    for (const auto& [server, hop] : changes)
        changed_(server, hop);
    return outcome;
}

Result<NextHop> NextHops::look_up(const Address& real_server, Resolve resolve) {
    NextHop hop;
    hop.gateway = real_server;
    const auto route = netlink_.route(real_server);
    if (!route) return fail(route.error());
    hop.local = *route && (*route)->local;
    if (!*route || hop.local) return hop;
    hop.interface_index = (*route)->interface_index;
    hop.source = (*route)->preferred_source;
    hop.mtu = (*route)->mtu;
    hop.gateway = (*route)->gateway.value_or(real_server);
    const auto link = links_.find(hop.interface_index);
    if (link != links_.end() && (hop.mtu == 0 || hop.mtu > link->second.mtu))
        hop.mtu = link->second.mtu;
    // A link that came up a moment ago: its own event follows.
    if (link == links_.end() || !link->second.mac) return hop;
    hop.source_mac = *link->second.mac;

    const auto neighbour = netlink_.neighbour(hop.interface_index, hop.gateway);
    if (!neighbour) return fail(neighbour.error());
    if (*neighbour) hop.mac = (*neighbour)->mac;
    if (hop.mac || resolve == Resolve::no || link->second.no_arp) return hop;
    // A device that is just going down refuses; that is no reason to lose the route.
    (void)netlink_.resolve_neighbour(hop.interface_index, hop.gateway);
    return hop;
}

std::optional<NextHop> NextHops::find(const Address& real_server) const {
    const auto entry = hops_.find(real_server);
    return entry == hops_.end() ? std::nullopt : entry->second;
}

void NextHops::remember_interface(const Address& real_server, std::uint32_t interface_index) {
    if (interface_index == 0) return;
    auto& remembered = remembered_.try_emplace(real_server, interface_index).first->second;
    if (remembered == interface_index) return;
    // Unknown counts as the default route: one hook too many harms less than one too few.
    const bool own_route = netlink_.route_length(real_server).value_or(0) > 0;
    if (own_route || !name_of(remembered)) remembered = interface_index;
}

std::optional<std::string> NextHops::name_of(std::uint32_t interface_index) const {
    const auto link = links_.find(interface_index);
    if (link != links_.end()) return link->second.name;
    // Where the links could not be read, or its event is still to come.
    std::array<char, IF_NAMESIZE> name{};
    if (if_indextoname(interface_index, name.data()) == nullptr) return std::nullopt;
    return name.data();
}

std::set<std::string> NextHops::interfaces() const {
    std::set<std::uint32_t> indexes;
    for (const auto& [server, hop] : hops_) {
        if (hop && hop->interface_index != 0) indexes.insert(hop->interface_index);
    }
    for (const auto& [server, index] : remembered_)
        indexes.insert(index);
    std::set<std::string> names;
    for (const auto index : indexes) {
        if (auto name = name_of(index)) names.insert(std::move(*name));
    }
    return names;
}

}  // namespace shoal::net
