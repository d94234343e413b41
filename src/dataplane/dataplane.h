#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "dataplane/check_ways.h"
#include "dataplane/sight.h"
#include "model/configuration.h"
#include "model/status.h"
#include "net/address.h"
#include "net/next_hops.h"

// What any back end (bpf, later ipvs; fake for tests) must do. The director observes it, compares
// with what it wants, and applies single operations; a back end never decides anything.

namespace shoal::dataplane {

/// A virtual server by its address and ports or, where `mark` is not 0, by its firewall mark alone;
/// the other members are then as in a fresh key, but for the address "::" of a mark over IPv6.
struct ServiceKey {
    model::Protocol protocol = model::Protocol::tcp;
    net::Address address{};
    model::PortRange port{};
    std::uint32_t mark = 0;
    auto operator<=>(const ServiceKey&) const = default;
    /// "tcp 192.0.2.80:80", "tcp 192.0.2.80:8000-8100", "tcp 192.0.2.80:any", "mark 80",
    /// "mark 80 over IPv6"
    std::string to_string() const;
};

/// The packets of a firewall mark.
struct MarkMatch {
    model::Protocol protocol = model::Protocol::tcp;
    net::Address address;
    model::PortRange port;
    auto operator<=>(const MarkMatch&) const = default;
};

struct ServerKey {
    net::Address address;
    /// 0: packets keep the port they come with.
    std::uint16_t port = 0;
    auto operator<=>(const ServerKey&) const = default;
    std::string to_string() const;
};

struct Server {
    ServerKey key;
    std::uint32_t weight = 1;
    model::ForwardingMethod method = model::ForwardingMethod::nat;
    /// As in model::RealServer.
    std::uint32_t upper_threshold = 0;
    std::uint32_t lower_threshold = 0;
    /// As model::tunnel_of() says; of other methods as in a fresh one.
    model::Tunnel tunnel{};
    bool operator==(const Server&) const = default;
};

/// An error in words where `servers` are more than model::most_real_servers().
Result<void> check_pool(model::Scheduler scheduler, std::size_t servers);

/// How a virtual server treats its connections; each member as in model::VirtualServer.
struct ServiceOptions {
    model::Scheduler scheduler = model::Scheduler::wlc;
    /// sh-port or mh-port, sh-fallback or mh-fallback.
    bool hash_port = false;
    bool hash_fallback = false;
    std::uint32_t mh_table_size = 4093;
    std::optional<model::Persistence> persistence{};
    bool one_packet = false;
    bool quiesce_server = false;
    std::vector<net::Prefix> allow{};
    std::vector<net::Prefix> deny{};
    /// Of a firewall mark, sorted; empty otherwise.
    std::vector<MarkMatch> matches{};
    bool operator==(const ServiceOptions&) const = default;
};

struct Service {
    ServiceKey key;
    ServiceOptions options;
    /// In list order: the newest first, as IPVS keeps them.
    std::vector<Server> servers;
    bool operator==(const Service&) const = default;
};

struct Hook {
    model::HookChoice wanted = model::HookChoice::automatic;
    /// xdp or tc: what is attached now.
    model::HookChoice attached = model::HookChoice::tc;
    std::string reason;
};

/// What the kernel holds now.
struct State {
    std::vector<Service> services;
    /// By device name.
    std::map<std::string, Hook> hooks;
    model::ConnectionTimeouts timeouts;
    bool secure_tcp = false;
    /// Addresses of removed real servers whose connections go on: their next hops are still needed.
    std::vector<net::Address> kept{};
    /// Cells of the table of connections; while they move to another one, of that.
    std::uint32_t table_size = 1U << 20;
};

// Operations. Each either happens whole or fails and changes nothing.
struct SetSecureTcp {
    bool secure_tcp = false;
    bool operator==(const SetSecureTcp&) const = default;
};
struct SetTimeouts {
    model::ConnectionTimeouts timeouts;
    bool operator==(const SetTimeouts&) const = default;
};
struct AddService {
    ServiceKey key;
    ServiceOptions options;
    bool operator==(const AddService&) const = default;
};
/// Changes the options; connections stay.
struct EditService {
    ServiceKey key;
    ServiceOptions options;
    bool operator==(const EditService&) const = default;
};
/// Its servers go with it.
struct RemoveService {
    ServiceKey key;
    bool operator==(const RemoveService&) const = default;
};
/// The server is put at the head of the service's list.
struct AddServer {
    ServiceKey service;
    Server server;
    bool operator==(const AddServer&) const = default;
};
/// New weight or method; keeps its place and its connections.
struct EditServer {
    ServiceKey service;
    Server server;
    bool operator==(const EditServer&) const = default;
};
struct RemoveServer {
    ServiceKey service;
    ServerKey server;
    model::RemovedConnections connections = model::RemovedConnections::end;
    bool operator==(const RemoveServer&) const = default;
};
/// Also changes the hook of a device that has one.
struct AttachHook {
    std::string device;
    model::HookChoice choice = model::HookChoice::automatic;
    bool operator==(const AttachHook&) const = default;
};
struct DetachHook {
    std::string device;
    bool operator==(const DetachHook&) const = default;
};
/// Makes a table of this size, to which the connections then move, see Dataplane::advance().
struct SetTableSize {
    /// A power of two.
    std::uint32_t cells = 0;
    bool operator==(const SetTableSize&) const = default;
};
using Operation =
    std::variant<SetTimeouts, SetSecureTcp, AddService, EditService, RemoveService, AddServer,
                 EditServer, RemoveServer, AttachHook, DetachHook, SetTableSize>;
/// "add real server 10.11.12.1:80 to tcp 192.0.2.80:80", for logs and plans.
std::string to_string(const Operation& operation);

/// Where packets for a real server leave.
using NextHop = net::NextHop;

struct ServerLoad {
    ServerKey key;
    std::uint32_t active = 0;
    std::uint32_t inactive = 0;
    model::Counters counters{};
    /// Persistence templates.
    std::uint32_t persistent = 0;
    /// Its upper threshold was reached, and it is not yet below the lower one.
    bool overloaded = false;
};

struct ServiceLoad {
    ServiceKey key;
    model::Counters counters;
    std::vector<ServerLoad> servers;
};

struct Statistics {
    std::vector<ServiceLoad> services;
    /// Over all virtual servers, removed ones too.
    model::Counters total{};
    std::vector<model::VerdictCount> verdicts;
    model::TableStatus table;
    /// Since the sweeper last ran.
    std::int64_t sweeper_age_ms = 0;
};

/// What clients send; what is unset may be anything.
struct PacketKind {
    std::optional<model::Protocol> protocol{};
    std::optional<net::Address> address{};
    std::optional<std::uint16_t> port{};
    bool operator==(const PacketKind&) const = default;
};

struct ConnectionFilter {
    std::optional<net::Address> client;
    std::optional<ServiceKey> service;
    /// Of a persistence template: what its virtual server takes.
    PacketKind packets;
    std::optional<net::Address> real_server;
    /// IPVS's state name.
    std::optional<std::string> state;
};

struct ConnectionPage {
    std::vector<model::Connection> connections;
    /// Where the next page begins; unset at the end of the table.
    std::optional<std::uint32_t> next;
};

/// Packets show that a real server may be in trouble: it refuses connections, or leaves them
/// unanswered. A stranger can make some of that, so a check must decide.
struct Signal {
    ServiceKey service;
    ServerKey server;
    bool operator==(const Signal&) const = default;
};

/// Of a back end, beside what it is asked for.
enum class Work {
    none,
    /// To be gone on with at the loop's next turn.
    more,
    /// To be looked at again after a pause.
    waiting,
};

class Dataplane {
  public:
    virtual ~Dataplane() = default;

    /// True where this object found a running data plane and took it over.
    virtual bool adopted() const = 0;
    virtual Result<State> observe() = 0;
    /// One result per operation, in their order. What follows a failed operation is still tried.
    /// Changes of one virtual server take effect together: where the kernel refuses them, each of
    /// them has failed and the old state stays in force. Two virtual servers that want the same
    /// port are refused, unless a later operation of the batch removes the one that has it.
    virtual std::vector<Result<void>> apply_all(std::span<const Operation> operations) = 0;
    Result<void> apply(const Operation& operation) {
        return std::move(apply_all(std::span(&operation, 1)).front());
    }
    /// For every service that has `real_server`; remembered for servers added later.
    virtual Result<void> set_next_hop(const net::Address& real_server, const NextHop& hop) = 0;
    /// Routes or neighbours changed: next hops that connections remember for their clients are
    /// looked up afresh.
    virtual void invalidate_client_next_hops() = 0;
    virtual Result<Statistics> statistics() = 0;
    /// Reads at most `scan` cells from cell `from` on, so that one call is bounded whatever the
    /// filter.
    virtual Result<ConnectionPage> connections(const ConnectionFilter& filter, std::uint32_t from,
                                               std::uint32_t scan) = 0;
    /// Shows packets from now on; the number to read with. Fails while another trace goes on. A
    /// trace that is not read for a second and a half ends by itself.
    virtual Result<std::uint64_t> begin_trace(const TraceFilter& filter) = 0;
    /// What came since the last call.
    virtual Result<TracePage> read_trace(std::uint64_t trace) = 0;
    virtual void end_trace(std::uint64_t trace) = 0;
    /// What would become of a packet now. Changes nothing.
    virtual Result<Explanation> explain(const PacketQuestion& question) = 0;
    /// Readable while take_signals() has something to give; -1: there are no signals. The caller
    /// does not close it; it is the same until withdraw().
    virtual int signal_descriptor() const = 0;
    virtual std::vector<Signal> take_signals() = 0;
    /// Checks to virtual addresses; the same object as long as this one lives.
    virtual CheckWays& check_ways() = 0;
    /// Goes on for some milliseconds with work that takes many turns: the connections that move to
    /// another table. They are served all the time, also by nobody calling this.
    virtual Result<Work> advance() = 0;
    /// Detaches every hook and unpins everything: nothing stays in the kernel.
    virtual Result<void> withdraw() = 0;
};

}  // namespace shoal::dataplane
