#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/configuration.h"
#include "model/status.h"
#include "net/address.h"
#include "net/next_hops.h"

// What any back end (bpf, later ipvs; fake for tests) must do. The director observes it, compares
// with what it wants, and applies single operations; a back end never decides anything.

namespace shoal::dataplane {

struct ServiceKey {
    model::Protocol protocol = model::Protocol::tcp;
    net::Address address;
    std::uint16_t port = 0;
    auto operator<=>(const ServiceKey&) const = default;
    std::string to_string() const;
};

struct ServerKey {
    net::Address address;
    std::uint16_t port = 0;
    auto operator<=>(const ServerKey&) const = default;
    std::string to_string() const;
};

struct Server {
    ServerKey key;
    std::uint32_t weight = 1;
    model::ForwardingMethod method = model::ForwardingMethod::nat;
    bool operator==(const Server&) const = default;
};

struct Service {
    ServiceKey key;
    model::Scheduler scheduler = model::Scheduler::wlc;
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
};

// Operations. Each either happens whole or fails and changes nothing.
struct SetTimeouts {
    model::ConnectionTimeouts timeouts;
    bool operator==(const SetTimeouts&) const = default;
};
struct AddService {
    ServiceKey key;
    model::Scheduler scheduler = model::Scheduler::wlc;
    bool operator==(const AddService&) const = default;
};
/// Changes the scheduler; connections stay.
struct EditService {
    ServiceKey key;
    model::Scheduler scheduler = model::Scheduler::wlc;
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
using Operation = std::variant<SetTimeouts, AddService, EditService, RemoveService, AddServer,
                               EditServer, RemoveServer, AttachHook, DetachHook>;
/// "add real server 10.11.12.1:80 to tcp 192.0.2.80:80", for logs and plans.
std::string to_string(const Operation& operation);

/// Where packets for a real server leave.
using NextHop = net::NextHop;

struct ServerLoad {
    ServerKey key;
    std::uint32_t active = 0;
    std::uint32_t inactive = 0;
    model::Counters counters;
};

struct ServiceLoad {
    ServiceKey key;
    model::Counters counters;
    std::vector<ServerLoad> servers;
};

struct Statistics {
    std::vector<ServiceLoad> services;
    std::vector<model::VerdictCount> verdicts;
    model::TableStatus table;
    /// Since the sweeper last ran.
    std::int64_t sweeper_age_ms = 0;
};

struct ConnectionFilter {
    std::optional<net::Address> client;
    std::optional<ServiceKey> service;
    std::optional<net::Address> real_server;
    /// IPVS's state name.
    std::optional<std::string> state;
};

struct ConnectionPage {
    std::vector<model::Connection> connections;
    /// Where the next page begins; unset at the end of the table.
    std::optional<std::uint32_t> next;
};

class Dataplane {
  public:
    virtual ~Dataplane() = default;

    /// True where this object found a running data plane and took it over.
    virtual bool adopted() const = 0;
    virtual Result<State> observe() = 0;
    virtual Result<void> apply(const Operation& operation) = 0;
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
    /// Detaches every hook and unpins everything: nothing stays in the kernel.
    virtual Result<void> withdraw() = 0;
};

}  // namespace shoal::dataplane
