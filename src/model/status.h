#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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

enum class Health { unknown, up, down };

struct RealServerStatus {
    std::string name;
    net::Address address;
    std::uint16_t port = 0;
    ForwardingMethod method = ForwardingMethod::nat;
    /// What the file says.
    std::uint32_t weight = 0;
    /// False where the file says `active = false`.
    bool enabled = true;
    Health health = Health::unknown;
    /// What the last check saw, for instance "connection refused"; empty while all is well.
    std::string reason;
    /// Since when the health is what it is; wall clock, milliseconds since 1970.
    std::int64_t since_ms = 0;
    /// True while new connections may go to it.
    bool in_pool = false;
    std::uint32_t active_connections = 0;
    std::uint32_t inactive_connections = 0;
    Counters counters;
};

struct VirtualServerStatus {
    std::string name;
    bool active = false;
    net::Prefix address;
    std::uint16_t port = 0;
    Protocol protocol = Protocol::tcp;
    Scheduler scheduler = Scheduler::wlc;
    /// The label of its address, for instance "wan0:1".
    std::string device;
    Counters counters;
    std::vector<RealServerStatus> real_servers;
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
};

struct TableStatus {
    /// Cells in all, and how many hold a connection.
    std::uint32_t size = 0;
    std::uint32_t used = 0;
    std::uint32_t overflow = 0;
    std::uint64_t memory_bytes = 0;
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
    std::vector<VirtualServerStatus> virtual_servers;
    std::vector<HookStatus> hooks;
    std::vector<VerdictCount> verdicts;
    /// What is wrong now, one sentence each: failed operations, sysctls in the way.
    std::vector<std::string> problems;
};

struct Connection {
    Protocol protocol = Protocol::tcp;
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
