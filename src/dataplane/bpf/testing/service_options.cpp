#include "dataplane/bpf/testing/service_options.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>

#include <bit>
#include <stdexcept>

namespace shoal::dataplane::testing {
namespace {

bool is_v6(const std::string& address) {
    return address.contains(':');
}

void put_address(__be32 (&field)[4], const std::string& address) {
    if (inet_pton(is_v6(address) ? AF_INET6 : AF_INET, address.c_str(), &field[0]) != 1)
        throw std::runtime_error("address " + address);
}

void put(const PacketPath& path, const char* map, const void* key, std::uint32_t value) {
    if (bpf_map_update_elem(path.map(map), key, &value, BPF_ANY) != 0)
        throw std::runtime_error(std::string("writing to ") + map);
}

}  // namespace

void set_persistence(PacketPath& path, std::uint32_t service, std::uint32_t seconds,
                     unsigned prefix) {
    auto& record = path.service(service);
    record.persistence_timeout = seconds * path.settings().hz;
    if (record.key.family == 6)
        record.persistence_length_v6 = static_cast<__u8>(prefix);
    else
        record.persistence_mask = prefix == 0 ? 0 : htonl(~0U << (32 - prefix));
}

void add_ports(PacketPath& path, std::uint32_t service, const std::string& address,
               std::uint16_t first, std::uint16_t last, std::uint8_t protocol) {
    // The greatest aligned block that fits, again and again.
    for (std::uint32_t port = first; port <= last;) {
        unsigned bits = port == 0 ? 16 : static_cast<unsigned>(std::countr_zero(port));
        while (port + (1U << bits) - 1 > last)
            --bits;
        shoal_port_key key{.length = 144 + 16 - bits,
                           .address = {},
                           .protocol = protocol,
                           .family = static_cast<__u8>(is_v6(address) ? 6 : 4),
                           .port = htons(static_cast<std::uint16_t>(port))};
        put_address(key.address, address);
        put(path, "service_ports", &key, service);
        port += 1U << bits;
    }
    path.set_filter_bit(true, address);
}

std::uint32_t add_mark(PacketPath& path, std::uint32_t mark, shoal_scheduler scheduler) {
    // A place in the tables; nothing is sent to this address.
    const auto service = path.add_service("203.0.113.1", 9, scheduler);
    auto& key = path.service(service).key;
    bpf_map_delete_elem(path.map("services"), &key);
    key = {};
    key.family = 4;
    key.mark = mark;
    return service;
}

void add_access(PacketPath& path, std::uint32_t service, const std::string& address,
                unsigned prefix, bool allowed) {
    shoal_access_key key{.length = 32 + prefix, .service = service, .address = {}};
    put_address(key.address, address);
    put(path, "access_list", &key, allowed ? 1 : 0);
    path.service(service).flags |= SHOAL_SERVICE_ACCESS;
}

std::vector<const shoal_connection*> templates(const PacketPath& path) {
    std::vector<const shoal_connection*> result;
    for (const auto& cell : path.connections())
        if (cell.protocol == SHOAL_PROTOCOL_TEMPLATE &&
            (cell.word & SHOAL_WORD_STATE_MASK) == SHOAL_STATE_TEMPLATE)
            result.push_back(&cell);
    return result;
}

shoal_connection& only_template(const PacketPath& path) {
    const auto all = templates(path);
    if (all.size() != 1)
        throw std::runtime_error(std::to_string(all.size()) + " templates instead of one");
    return path.connections()[static_cast<std::size_t>(all.front() - path.connections().data())];
}

std::uint64_t counted_templates(const PacketPath& path, std::uint32_t server) {
    std::uint64_t count = 0;
    if (bpf_map_lookup_elem(path.map("server_templates"), &server, &count) != 0)
        throw std::runtime_error("reading server_templates");
    return count;
}

std::vector<shoal_ftp_control> ftp_controls(const PacketPath& path) {
    std::vector<shoal_ftp_control> result;
    const int map = path.map("ftp_controls");
    shoal_ftp_key key{};
    for (int error = bpf_map_get_next_key(map, nullptr, &key); error == 0;
         error = bpf_map_get_next_key(map, &key, &key)) {
        shoal_ftp_control control{};
        if (bpf_map_lookup_elem(map, &key, &control) == 0) result.push_back(control);
    }
    return result;
}

}  // namespace shoal::dataplane::testing
