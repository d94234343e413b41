#include "kernel_ipvs.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "model/choices.h"

namespace shoal::ipvs {
namespace {

using dataplane::ServiceKey;

ip_vs_service_user described(const ServiceKey& key) {
    ip_vs_service_user service{};
    service.fwmark = key.mark;
    // A mark is looked up by the family alone, but the kernel wants a protocol all the same.
    service.protocol = key.protocol == model::Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP;
    if (key.mark != 0) return service;
    service.addr = key.address.v4_bits();
    service.port = htons(key.port.first);
    return service;
}

unsigned flags_of(const dataplane::ServiceOptions& options) {
    const bool sh = options.scheduler == model::Scheduler::sh;
    unsigned flags = 0;
    if (options.hash_fallback) flags |= sh ? IP_VS_SVC_F_SCHED_SH_FALLBACK : IP_VS_SVC_F_SCHED1;
    if (options.hash_port) flags |= sh ? IP_VS_SVC_F_SCHED_SH_PORT : IP_VS_SVC_F_SCHED2;
    if (options.persistence) flags |= IP_VS_SVC_F_PERSISTENT;
    if (options.one_packet) flags |= IP_VS_SVC_F_ONEPACKET;
    return flags;
}

ip_vs_service_user described(const ServiceKey& key, const dataplane::ServiceOptions& options) {
    ip_vs_service_user service = described(key);
    model::name_of(options.scheduler).copy(service.sched_name, sizeof(service.sched_name) - 1);
    service.flags = flags_of(options);
    service.netmask = ~0U;
    if (options.persistence) {
        service.timeout = static_cast<unsigned>(options.persistence->timeout.count() / 1000);
        const auto length = options.persistence->netmask;
        service.netmask = length == 0 ? 0 : htonl(~0U << (32 - length));
    }
    return service;
}

/// A real server with its virtual server, as the kernel takes them: one behind the other.
struct ServiceAndServer {
    ip_vs_service_user service{};
    ip_vs_dest_user server{};
};

ServiceAndServer described(const ServiceKey& key, const dataplane::Server& server) {
    ServiceAndServer both{described(key), {}};
    both.server.addr = server.key.address.v4_bits();
    both.server.port = htons(server.key.port);
    both.server.conn_flags =
        server.method == model::ForwardingMethod::nat ? IP_VS_CONN_F_MASQ : IP_VS_CONN_F_DROUTE;
    both.server.weight = static_cast<int>(server.weight);
    both.server.u_threshold = server.upper_threshold;
    both.server.l_threshold = server.lower_threshold;
    return both;
}

template <class T>
void configure(int command, const T& argument) {
    const int socket = ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    const int done = ::setsockopt(socket, IPPROTO_IP, command, &argument, sizeof(argument));
    const int error = errno;
    ::close(socket);
    if (done != 0)
        throw std::runtime_error("kernel IPVS: " + std::generic_category().message(error));
}

struct Configure {
    void operator()(const dataplane::AddService& add) const {
        configure(IP_VS_SO_SET_ADD, described(add.key, add.options));
    }
    void operator()(const dataplane::EditService& edit) const {
        configure(IP_VS_SO_SET_EDIT, described(edit.key, edit.options));
    }
    void operator()(const dataplane::RemoveService& remove) const {
        configure(IP_VS_SO_SET_DEL, described(remove.key));
    }
    void operator()(const dataplane::AddServer& add) const {
        configure(IP_VS_SO_SET_ADDDEST, described(add.service, add.server));
    }
    void operator()(const dataplane::EditServer& edit) const {
        configure(IP_VS_SO_SET_EDITDEST, described(edit.service, edit.server));
    }
    void operator()(const dataplane::RemoveServer& remove) const {
        configure(IP_VS_SO_SET_DELDEST,
                  described(remove.service, dataplane::Server{remove.server}));
    }
    void operator()(const dataplane::SetTimeouts& set) const {
        const auto seconds = [](auto time) { return static_cast<int>(time.count() / 1000); };
        configure(IP_VS_SO_SET_TIMEOUT,
                  ip_vs_timeout_user{seconds(set.timeouts.established),
                                     seconds(set.timeouts.fin_wait), seconds(set.timeouts.udp)});
    }
    template <class Other>
    void operator()(const Other&) const {
        throw std::runtime_error("kernel IPVS has no such operation");
    }
};

/// /proc shows addresses as eight and ports as four hexadecimal digits, the highest first.
net::Address hex_address(const std::string& text) {
    return net::Address::v4(
        __builtin_bswap32(static_cast<std::uint32_t>(std::stoul(text, nullptr, 16))));
}
std::uint16_t hex_port(const std::string& text) {
    return static_cast<std::uint16_t>(std::stoul(text, nullptr, 16));
}

/// How /proc/net/ip_vs begins the line of a virtual server.
std::string proc_name(const ServiceKey& key) {
    if (key.mark != 0) return fmt::format("FWM  {:08X} ", key.mark);
    return fmt::format("{}  {:08X}:{:04X} ", key.protocol == model::Protocol::tcp ? "TCP" : "UDP",
                       __builtin_bswap32(key.address.v4_bits()), key.port.first);
}

ListedServer parse_server(const std::string& line) {
    std::istringstream words(line);
    std::string arrow;
    std::string place;
    std::string method;
    ListedServer server;
    words >> arrow >> place >> method >> server.weight >> server.active >> server.inactive;
    server.key = {hex_address(place.substr(0, 8)), hex_port(place.substr(9, 4))};
    return server;
}

/// Connections and templates.
std::vector<ListedConnection> read_connections() {
    std::ifstream file("/proc/net/ip_vs_conn");
    std::vector<ListedConnection> connections;
    std::string line;
    std::getline(file, line);  // titles
    while (std::getline(file, line)) {
        std::istringstream words(line);
        std::array<std::string, 7> word;
        for (auto& each : word)
            words >> each;
        ListedConnection connection;
        words >> connection.state >> connection.expires_in_s;
        connection.protocol = word[0] == "UDP" ? model::Protocol::udp : model::Protocol::tcp;
        connection.client = hex_address(word[1]);
        connection.client_port = hex_port(word[2]);
        connection.virtual_address = hex_address(word[3]);
        connection.virtual_port = hex_port(word[4]);
        connection.real_address = hex_address(word[5]);
        connection.real_port = hex_port(word[6]);
        connections.push_back(std::move(connection));
    }
    return connections;
}

bool is_template(const ListedConnection& connection) {
    return connection.client_port == 0;
}

}  // namespace

void PrintTo(const ListedServer& server, std::ostream* out) {
    *out << fmt::format("{} weight {}: {} active, {} inactive", server.key.to_string(),
                        server.weight, server.active, server.inactive);
}

bool lies_in(std::span<const net::Prefix> prefixes, const net::Address& address) {
    return std::ranges::any_of(prefixes,
                               [&](const net::Prefix& prefix) { return prefix.contains(address); });
}

void KernelIpvs::apply(std::span<const dataplane::Operation> operations) const {
    for (const auto& operation : operations)
        std::visit(Configure{}, operation);
}

std::vector<ListedServer> KernelIpvs::servers(const ServiceKey& service) const {
    std::ifstream file("/proc/net/ip_vs");
    std::vector<ListedServer> servers;
    bool found = false;
    for (std::string line; std::getline(file, line);) {
        const bool is_server = line.starts_with("  ->");
        if (is_server && found) servers.push_back(parse_server(line));
        if (!is_server) found = line.starts_with(proc_name(service));
    }
    return servers;
}

std::vector<ListedConnection> KernelIpvs::connections(
    std::span<const net::Prefix> virtual_addresses) const {
    auto all = read_connections();
    std::erase_if(all, [&](const ListedConnection& connection) {
        return is_template(connection) || !lies_in(virtual_addresses, connection.virtual_address);
    });
    std::ranges::sort(all);
    return all;
}

std::vector<ListedTemplate> KernelIpvs::templates(const ServiceKey& service) const {
    // Those of a mark have the mark for an address.
    const auto place = service.mark == 0 ? service.address : net::Address::v4(htonl(service.mark));
    std::vector<ListedTemplate> templates;
    for (const auto& entry : read_connections()) {
        // One that was given up waits for its end under a port that nobody asks for.
        if (!is_template(entry) || entry.virtual_address != place || entry.virtual_port == 0xffff)
            continue;
        templates.push_back({entry.client, entry.real_address, entry.expires_in_s});
    }
    std::ranges::sort(templates);
    return templates;
}

}  // namespace shoal::ipvs
