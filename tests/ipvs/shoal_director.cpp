#include "shoal_director.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

namespace shoal::ipvs {
namespace {

constexpr std::uint32_t table_size = 1U << 13;
constexpr std::size_t ethernet = 14;

template <class T>
T value_of(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}

bool is_template(const model::Connection& connection) {
    return connection.client_port == 0;
}

ListedConnection listed(const model::Connection& connection) {
    return {connection.protocol,        connection.client,       connection.client_port,
            connection.virtual_address, connection.virtual_port, connection.real_address,
            connection.real_port,       connection.state,        connection.expires_in_ms / 1000};
}

}  // namespace

ShoalDirector& ShoalDirector::of_this_process() {
    static ShoalDirector director("/sys/fs/bpf/shoal-ipvs");
    return director;
}

ShoalDirector::ShoalDirector(const std::string& pin_directory)
    : dataplane_(value_of(dataplane::BpfDataplane::open({pin_directory, table_size}))),
      program_(bpf_obj_get((pin_directory + "/shoal_tc").c_str())) {
    if (program_ < 0) throw std::runtime_error("the program is not pinned in " + pin_directory);
}

ShoalDirector::~ShoalDirector() {
    ::close(program_);
    (void)dataplane_->withdraw();
}

void ShoalDirector::announce_next_hop(const net::Address& server) {
    if (known_hops_.contains(server)) return;
    set_next_hop(server, {if_nametoindex("server0"), {server_side_mac}, server, mac_of(server)});
}

void ShoalDirector::set_next_hop(const net::Address& server, const net::NextHop& hop) {
    known_hops_.insert(server);
    if (const auto set = dataplane_->set_next_hop(server, hop); !set)
        throw std::runtime_error(set.error().message);
}

void ShoalDirector::apply(std::span<const dataplane::Operation> operations) {
    for (const auto& operation : operations) {
        if (const auto* add = std::get_if<dataplane::AddServer>(&operation))
            announce_next_hop(add->server.key.address);
    }
    for (const auto& result : dataplane_->apply_all(operations)) {
        if (!result) throw std::runtime_error(result.error().message);
    }
}

std::vector<ListedServer> ShoalDirector::servers(const dataplane::ServiceKey& service) {
    const auto state = value_of(dataplane_->observe());
    const auto statistics = value_of(dataplane_->statistics());
    const auto wanted = std::ranges::find(state.services, service, &dataplane::Service::key);
    const auto loads =
        std::ranges::find(statistics.services, service, &dataplane::ServiceLoad::key);
    std::vector<ListedServer> servers;
    if (wanted == state.services.end()) return servers;
    for (const auto& server : wanted->servers) {
        const auto load =
            std::ranges::find(loads->servers, server.key, &dataplane::ServerLoad::key);
        servers.push_back({server.key, server.weight, load->active, load->inactive});
    }
    return servers;
}

std::vector<ListedConnection> ShoalDirector::connections(
    std::span<const net::Prefix> virtual_addresses) {
    const auto page = value_of(dataplane_->connections({}, 0, table_size));
    std::vector<ListedConnection> connections;
    for (const auto& connection : page.connections) {
        if (lies_in(virtual_addresses, connection.virtual_address) && !is_template(connection))
            connections.push_back(listed(connection));
    }
    std::ranges::sort(connections);
    return connections;
}

std::vector<ListedTemplate> ShoalDirector::templates(const dataplane::ServiceKey& service) {
    dataplane::ConnectionFilter filter;
    filter.service = service;
    const auto page = value_of(dataplane_->connections(filter, 0, table_size));
    std::vector<ListedTemplate> templates;
    for (const auto& entry : page.connections) {
        if (is_template(entry))
            templates.push_back({entry.client, entry.real_address, entry.expires_in_ms / 1000});
    }
    std::ranges::sort(templates);
    return templates;
}

std::uint64_t ShoalDirector::count_of(std::string_view verdict) {
    const auto verdicts = value_of(dataplane_->statistics()).verdicts;
    const auto found = std::ranges::find(verdicts, verdict, &model::VerdictCount::name);
    return found == verdicts.end() ? 0 : found->packets;
}

std::vector<std::string> ShoalDirector::self_check() {
    return value_of(dataplane_->self_check());
}

ShoalDirector::Ran ShoalDirector::run(const Bytes& frame, const char* device) const {
    Ran ran;
    ran.frame.resize(frame.size() + 64);
    __sk_buff context{};
    context.ifindex = if_nametoindex(device);
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = frame.data();
    options.data_size_in = static_cast<std::uint32_t>(frame.size());
    options.data_out = ran.frame.data();
    options.data_size_out = static_cast<std::uint32_t>(ran.frame.size());
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    if (bpf_prog_test_run_opts(program_, &options) != 0) throw std::runtime_error("test run");
    ran.frame.resize(options.data_size_out);
    ran.action = options.retval;
    return ran;
}

Fate ShoalDirector::from_client(const Bytes& frame) {
    const Ran ran = run(frame, "client0");
    if (ran.action == TC_ACT_REDIRECT) {
        return {Fate::Way::to_server,
                server_of(ran.frame.data()),
                {ran.frame.begin() + ethernet, ran.frame.end()}};
    }
    const bool passed = ran.action == static_cast<std::uint32_t>(TC_ACT_UNSPEC);
    // The stack answers no reset and, where there is no socket, refuses datagrams by ICMP.
    const bool answered =
        frame[ethernet + 9] == IPPROTO_TCP && (frame[ethernet + 33] & dataplane::testing::rst) == 0;
    return {passed && answered ? Fate::Way::local : Fate::Way::dropped, {}, {}};
}

Fate ShoalDirector::from_server(const Bytes& frame) {
    const Ran ran = run(frame, "server0");
    if (ran.action == TC_ACT_REDIRECT)
        return {Fate::Way::to_client, {}, {ran.frame.begin() + ethernet, ran.frame.end()}};
    if (ran.action != static_cast<std::uint32_t>(TC_ACT_UNSPEC)) return {};
    // The stack routes it on as it is, with one hop less; see SideBySide.
    return {Fate::Way::to_client, {}, {frame.begin() + ethernet, frame.end()}};
}

}  // namespace shoal::ipvs
