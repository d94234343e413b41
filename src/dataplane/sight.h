#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/configuration.h"
#include "net/address.h"

// Looking at single packets: `shoal trace` and `shoal explain`.

namespace shoal::dataplane {

/// Which packets a trace shows; everything that is set must hold.
struct TraceFilter {
    /// Where the packet comes from or goes to.
    std::optional<net::Prefix> client;
    std::optional<model::Protocol> protocol;
    std::optional<net::Address> virtual_address;
    /// 0: every port.
    std::uint16_t virtual_port = 0;
    std::optional<net::Address> real_address;
    /// 0: every port.
    std::uint16_t real_port = 0;
    /// By name; unset: all but foreign, passed_up and left_to_successor.
    std::optional<std::string> verdict;
};

/// Endpoints are text, "192.0.2.7:40000"; without ports only the address.
struct TraceEvent {
    /// Wall clock, microseconds since 1970.
    std::int64_t time_us = 0;
    /// "xdp" or "tc".
    std::string hook;
    /// That the packet came in by.
    std::string device;
    /// "tcp", "udp", "icmp", a number; empty where it is no IP packet.
    std::string protocol;
    std::string source;
    std::string destination;
    /// As "SYN,ACK"; empty where there are none.
    std::string tcp_flags;
    /// Of the IP packet.
    std::uint32_t bytes = 0;
    std::string verdict;
    /// As ServiceKey::to_string(); empty: not known.
    std::string virtual_server;
    std::string real_server;
    /// As it was sent on; empty where it was not, or not changed.
    std::string sent_source;
    std::string sent_destination;
    bool operator==(const TraceEvent&) const = default;
};

struct TracePage {
    std::vector<TraceEvent> events;
    /// Packets since the last page that should be here and are not, because there were too many.
    std::uint64_t left_out = 0;
};

/// The first packet of a connection, or a later one.
struct PacketQuestion {
    model::Protocol protocol = model::Protocol::tcp;
    net::Address client;
    /// Unset: some port of which there is no connection.
    std::optional<std::uint16_t> client_port;
    net::Address virtual_address;
    std::uint16_t virtual_port = 0;
};

struct Explanation {
    struct Step {
        /// What was looked at: "virtual server", "scheduler" ...
        std::string about;
        std::string finding;
        bool operator==(const Step&) const = default;
    };
    /// In the order in which the packet path looks.
    std::vector<Step> steps;
    /// Name and meaning.
    std::string verdict;
    std::string meaning;
    /// As ServiceKey::to_string(); empty: none.
    std::string virtual_server;
    /// Where the packet goes, with the port that it has there; empty: nowhere, or by chance.
    std::string real_server;
    /// Where chance decides: who may get it.
    std::vector<std::string> candidates;
    bool operator==(const Explanation&) const = default;
};

}  // namespace shoal::dataplane
