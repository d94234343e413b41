#include "dataplane/bpf/service_options.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/port_assignment.h"

namespace shoal::dataplane {

namespace {

__be32 v4_mask(int length) {
    return length == 0 ? 0 : htonl(~0U << (32 - length));
}

net::Prefix without_host_bits(const net::Prefix& prefix) {
    if (!prefix.address.is_v6())
        return {net::Address::v4(prefix.address.v4_bits() & v4_mask(prefix.length)), prefix.length};
    auto bytes = prefix.address.bytes();
    for (int i = 0; i < 16; ++i) {
        const int bits = std::clamp(prefix.length - 8 * i, 0, 8);
        bytes[static_cast<std::size_t>(i)] &= static_cast<std::uint8_t>(0xff00 >> bits);
    }
    return {net::Address::v6(bytes), prefix.length};
}

/// One of each family; that of IPv6 has the address "::".
ServiceKey key_of_mark(std::uint32_t mark, bool v6) {
    ServiceKey key;
    key.mark = mark;
    if (v6) key.address = net::Address::v6({});
    return key;
}

__u32 flags_of(const ServiceOptions& options) {
    __u32 flags = 0;
    const auto set = [&](bool on, __u32 flag) { flags |= on ? flag : 0U; };
    set(options.one_packet, SHOAL_SERVICE_ONE_PACKET);
    set(options.hash_port, SHOAL_SERVICE_HASH_PORT);
    set(options.hash_fallback, SHOAL_SERVICE_HASH_FALLBACK);
    set(options.quiesce_server, SHOAL_SERVICE_QUIESCE);
    set(options.persistence && options.persistence->keep_quiesced, SHOAL_SERVICE_KEEP_QUIESCED);
    set(!options.allow.empty(), SHOAL_SERVICE_CLOSED);
    set(!options.allow.empty() || !to_access(options).empty(), SHOAL_SERVICE_ACCESS);
    return flags;
}

}  // namespace

shoal_service to_record(const ServiceKey& key, const ServiceOptions& options, __u32 hz) {
    shoal_service record{};
    record.key = to_key(key);
    record.last_port = htons(key.port.last);
    record.scheduler = to_abi(options.scheduler);
    record.flags = flags_of(options);
    record.mh_table_size = options.mh_table_size;
    if (options.persistence) {
        record.persistence_timeout = to_jiffies(options.persistence->timeout, hz);
        record.persistence_mask = v4_mask(options.persistence->netmask);
        record.persistence_length_v6 = options.persistence->netmask_v6;
    }
    return record;
}

AccessEntries to_access(const ServiceOptions& options) {
    AccessEntries entries;
    for (const bool may : {true, false}) {
        for (const net::Prefix& prefix : may ? options.allow : options.deny) {
            entries[without_host_bits(prefix)] = may;
        }
    }
    return entries;
}

ServiceKey key_of(const shoal_service& record) {
    if (record.key.mark != 0) return key_of_mark(record.key.mark, record.key.family == 6);
    return {record.key.protocol == IPPROTO_UDP ? model::Protocol::udp : model::Protocol::tcp,
            address_of(record.key.address, record.key.family),
            {ntohs(record.key.port), ntohs(record.last_port)}};
}

ServiceOptions options_from(const shoal_service& record, const AccessEntries& access,
                            std::vector<MarkMatch> matches, __u32 hz) {
    const auto has = [&](__u32 flag) { return (record.flags & flag) != 0; };
    ServiceOptions options;
    options.scheduler = scheduler_from(record.scheduler);
    options.hash_port = has(SHOAL_SERVICE_HASH_PORT);
    options.hash_fallback = has(SHOAL_SERVICE_HASH_FALLBACK);
    options.mh_table_size = record.mh_table_size;
    options.one_packet = has(SHOAL_SERVICE_ONE_PACKET);
    options.quiesce_server = has(SHOAL_SERVICE_QUIESCE);
    if (record.persistence_timeout != 0) {
        options.persistence =
            model::Persistence{to_milliseconds(record.persistence_timeout, hz),
                               static_cast<std::uint8_t>(std::popcount(record.persistence_mask)),
                               record.persistence_length_v6, has(SHOAL_SERVICE_KEEP_QUIESCED)};
    }
    for (const auto& [prefix, may] : access)
        (may ? options.allow : options.deny).push_back(prefix);
    options.matches = std::move(matches);
    return options;
}

std::vector<MarkMatch> merged(const std::vector<MarkMatch>& matches) {
    std::map<Endpoint, std::vector<ServiceClaim>> claims;
    ServiceOptions options;
    options.matches = matches;
    for (const PortClaim& claim : claims_of(key_of_mark(1, false), options))
        claims[claim.endpoint].push_back({0, claim});
    std::vector<MarkMatch> fewest;
    for (const auto& [endpoint, list] : claims) {
        for (const model::PortRange& range : ports_of(assign_ports(list), 0))
            fewest.push_back({endpoint.protocol, endpoint.address, range});
    }
    return fewest;
}

ServiceOptions as_held(const ServiceKey& key, const ServiceOptions& options, __u32 hz) {
    return options_from(to_record(key, options, hz), to_access(options), merged(options.matches),
                        hz);
}

}  // namespace shoal::dataplane
