#include "dataplane/bpf/bpf_check_ways.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <sys/socket.h>

#include <cerrno>

#include "check_way_abi.h"
#include "dataplane/bpf/conversions.h"

namespace shoal::dataplane {

namespace {

using Side = CheckFilter::Side;

void add_filters(std::vector<CheckFilter>& filters, std::uint32_t family,
                 const std::optional<CheckPrograms>& programs) {
    if (!programs) return;
    filters.push_back({Side::ingress, family, programs->in.get()});
    filters.push_back({Side::egress, family, programs->out.get()});
}

Result<std::uint64_t> cookie_of(int socket) {
    std::uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    if (getsockopt(socket, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0) return cookie;
    return fail(system_error("asking for a socket's cookie", errno));
}

shoal_check record_of(const net::Address& real_server, const ClientWay& way) {
    shoal_check check{};
    put_address(check.virtual_address, way.virtual_address);
    put_address(check.real_address, real_server);
    check.method = to_abi(way.method);
    check.tunnel = to_abi(way.tunnel.type);
    check.tunnel_port = htons(way.tunnel.port);
    return check;
}

}  // namespace

Result<void> BpfCheckWays::serve(const CheckPlaces& places) {
    if (!places.any() && clean_) return {};
    clean_ = false;
    Result<void> result;
    const auto note = [&](Result<void> done) {
        if (!done) result = std::move(done);
    };
    note(load(places));
    const auto devices = all_devices();
    if (!devices) return fail(devices.error());
    const auto wanted = filters(places);
    for (const Device& device : *devices) {
        const bool serves = places.devices.contains(device.name);
        auto done = set_check_filters(device, serves ? wanted : std::vector<CheckFilter>{});
        // Unless it has vanished meanwhile.
        if (!done && find_device(device.name)) note(std::move(done));
    }
    clean_ = result && !places.any();
    return result;
}

Result<void> BpfCheckWays::load(const CheckPlaces& places) {
    if (!places.any()) {
        ipv4_.reset();
        ipv6_.reset();
        return {};
    }
    // They share the maps of IPv4's, which are loaded in a moment.
    if (!ipv4_) {
        auto programs = load_check_programs(4, nullptr);
        if (!programs) return fail(programs.error());
        ipv4_ = std::move(*programs);
    }
    if (!ipv6_ && places.ipv6) {
        auto programs = load_check_programs(6, &*ipv4_);
        if (!programs) return fail(programs.error());
        ipv6_ = std::move(*programs);
    }
    return {};
}

std::vector<CheckFilter> BpfCheckWays::filters(const CheckPlaces& places) const {
    std::vector<CheckFilter> filters;
    if (places.ipv4) add_filters(filters, 4, ipv4_);
    if (places.ipv6) add_filters(filters, 6, ipv6_);
    return filters;
}

Result<std::uint64_t> BpfCheckWays::lead(int socket, const net::Address& real_server,
                                         const ClientWay& way) {
    if (!ipv4_ || (real_server.is_v6() && !ipv6_))
        return fail("the programs that send checks to a virtual address are not there");
    const auto cookie = cookie_of(socket);
    if (!cookie) return fail(cookie.error());
    const auto check = record_of(real_server, way);
    if (bpf_map_update_elem(ipv4_->checks.get(), &*cookie, &check, BPF_ANY) == 0) return *cookie;
    return fail(system_error("sending a check to a virtual address", errno));
}

std::uint64_t BpfCheckWays::end(std::uint64_t lead) {
    shoal_check check{};
    if (!ipv4_ || bpf_map_lookup_and_delete_elem(ipv4_->checks.get(), &lead, &check) != 0) return 0;
    return check.packets;
}

}  // namespace shoal::dataplane
