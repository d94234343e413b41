#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/administrative_state.h"
#include "model/configuration.h"

// What a director knows of itself, as the API, the command and later the interface show it.

namespace shoal::model {

struct Counters {
    std::uint64_t connections = 0;
    std::uint64_t packets_in = 0;
    std::uint64_t packets_out = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    bool operator==(const Counters&) const = default;
};

/// Per second, as IPVS estimates them: every 2 s a quarter of what changed.
struct Rates {
    std::uint64_t connections = 0;
    std::uint64_t packets_in = 0;
    std::uint64_t packets_out = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    bool operator==(const Rates&) const = default;
};

enum class Health { unknown, up, down };

struct RealServerStatus {
    std::string name;
    net::Address address;
    /// 0: packets keep the port they come with.
    std::uint16_t port = 0;
    ForwardingMethod method = ForwardingMethod::nat;
    /// What the file says.
    std::uint32_t weight = 0;
    /// What the data plane schedules by: 0 while it is drained or not in the pool.
    std::uint32_t weight_in_force = 0;
    /// False where the file says `active = false`.
    bool enabled = true;
    /// What an administrator ordered beside the file; times are wall clock, milliseconds since
    /// 1970.
    AdministrativeState state = AdministrativeState::enabled;
    /// Draining becomes maintenance then, or when no connection is left.
    std::optional<std::int64_t> deadline_ms;
    /// `then` follows then.
    std::optional<std::int64_t> until_ms;
    std::optional<AdministrativeState> then;
    Health health = Health::unknown;
    /// What the last check saw, for instance "connection refused"; empty while all is well.
    std::string reason;
    /// Since when the health is what it is; wall clock, milliseconds since 1970.
    std::int64_t since_ms = 0;
    /// Where loads are monitored: the last one, a load average or what a tool takes for it.
    std::optional<double> load;
    /// Since the last load, or an agent's word, came.
    std::optional<std::int64_t> load_age_ms;
    /// Why the last question for a load brought nothing; empty while all is well.
    std::string load_problem;
    /// What the load makes of the weight, in per mille.
    std::optional<std::uint32_t> weight_factor;
    /// True while the data plane has it: new connections go to it if weight_in_force is not 0.
    bool in_pool = false;
    /// Its upper threshold was reached: no new connections for now.
    bool overloaded = false;
    std::uint32_t active_connections = 0;
    std::uint32_t inactive_connections = 0;
    /// Clients that persistence binds to it.
    std::uint32_t persistent_clients = 0;
    Counters counters;
    Rates rates;
};

/// Virtual servers of one firewall mark are one in the data plane: counters, rates and connections
/// of each are those of all of them together.
struct VirtualServerStatus {
    std::string name;
    bool active = false;
    net::Prefix address;
    /// Of a firewall mark: the one that is checked.
    PortRange port;
    Protocol protocol = Protocol::tcp;
    std::optional<std::uint32_t> firewall_mark;
    /// What the mark's rules take of this address and protocol.
    std::vector<PortRange> mark_ports;
    Scheduler scheduler = Scheduler::wlc;
    /// How long a client stays with its real server; unset: not at all.
    std::optional<std::int64_t> persistence_ms;
    /// By what the weights in force are more than the file's: parts of a weight are whole numbers.
    std::uint32_t weight_scale = 1;
    /// What the file demands, how many real servers may have new connections, and whether the
    /// quorum is lost: that lasts until the hysteresis is there too.
    std::uint32_t quorum = 1;
    std::uint32_t usable = 0;
    bool quorum_lost = false;
    /// The label of its address, for instance "wan0:1".
    std::string device;
    Counters counters;
    Rates rates;
    std::vector<RealServerStatus> real_servers;
    /// Is in the pool exactly while the quorum is lost. Not checked: its health is unknown.
    std::optional<RealServerStatus> sorry_server;
};

struct HookStatus {
    std::string device;
    /// "xdp" (with tc behind it) or "tc".
    std::string hook;
    /// Why this one, in words.
    std::string reason;
};

struct VerdictCount {
    std::string name;
    std::string meaning;
    std::uint64_t packets = 0;
    /// As Rates.
    std::uint64_t per_second = 0;
};

struct TableStatus {
    /// Cells in all, and how many hold a connection.
    std::uint32_t size = 0;
    std::uint32_t used = 0;
    std::uint32_t overflow = 0;
    std::uint64_t memory_bytes = 0;
    /// Cells of the table that connections are being moved from; 0: they are not.
    std::uint32_t former_size = 0;
};

struct DirectorStatus {
    std::string name;
    std::string version;
    /// Wall clock, milliseconds since 1970.
    std::int64_t now_ms = 0;
    std::int64_t started_ms = 0;
    /// The data plane was running before this shoald started.
    bool adopted = false;
    std::string configuration_file;
    /// Age of the sweeper's last run; more than 2000 is an alarm.
    std::int64_t sweeper_age_ms = 0;
    TableStatus table;
    /// Over all virtual servers that there are and were, each firewall mark counted once.
    Counters total;
    Rates total_rates;
    std::vector<VirtualServerStatus> virtual_servers;
    std::vector<HookStatus> hooks;
    std::vector<VerdictCount> verdicts;
    /// What is wrong now, one sentence each: failed operations, sysctls in the way.
    std::vector<std::string> problems;
};

/// A persistence template is one too: its state is TEMPLATE, its client an address without the
/// bits that the netmask leaves out, its client port 0.
struct Connection {
    Protocol protocol = Protocol::tcp;
    /// Of its virtual server; 0: none.
    std::uint32_t mark = 0;
    net::Address client;
    std::uint16_t client_port = 0;
    net::Address virtual_address;
    std::uint16_t virtual_port = 0;
    net::Address real_address;
    std::uint16_t real_port = 0;
    /// IPVS's name: ESTABLISHED, FIN_WAIT, UDP ...
    std::string state;
    /// Counted as active (otherwise inactive).
    bool active = false;
    std::int64_t expires_in_ms = 0;
};

}  // namespace shoal::model
