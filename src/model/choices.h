#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "model/configuration.h"

// The words of the settings that take one of a few values.

namespace shoal::model {

template <class E>
struct Choice {
    E value;
    /// In files, on the command line and in the API.
    std::string_view name;
    /// On screen, as Piranha prints it where Piranha has it.
    std::string_view title;
};

/// Specialised for every enumeration that is a setting: `all` holds each value once.
template <class E>
struct Choices;

template <>
struct Choices<ForwardingMethod> {
    static constexpr std::array all{
        Choice{ForwardingMethod::nat, "nat", "NAT"},
        Choice{ForwardingMethod::direct, "direct", "Direct Routing"},
        Choice{ForwardingMethod::tunnel, "tunnel", "Tunneling"},
    };
};

template <>
struct Choices<TunnelType> {
    static constexpr std::array all{
        Choice{TunnelType::ipip, "ipip", "IP in IP"},
        Choice{TunnelType::gre, "gre", "GRE"},
        Choice{TunnelType::gue, "gue", "GUE (UDP)"},
    };
};

template <>
struct Choices<Protocol> {
    static constexpr std::array all{
        Choice{Protocol::tcp, "tcp", "TCP"},
        Choice{Protocol::udp, "udp", "UDP"},
    };
};

template <>
struct Choices<Scheduler> {
    static constexpr std::array all{
        Choice{Scheduler::rr, "rr", "Round robin"},
        Choice{Scheduler::wrr, "wrr", "Weighted round robin"},
        Choice{Scheduler::lc, "lc", "Least-connection"},
        Choice{Scheduler::wlc, "wlc", "Weighted least-connections"},
        Choice{Scheduler::lblc, "lblc", "Locality-Based Least-Connection Scheduling"},
        Choice{Scheduler::lblcr, "lblcr",
               "Locality-Based Least-Connection Scheduling with Replication"},
        Choice{Scheduler::dh, "dh", "Destination Hash Scheduling"},
        Choice{Scheduler::sh, "sh", "Source Hash Scheduling"},
        Choice{Scheduler::sed, "sed", "Shortest expected delay"},
        Choice{Scheduler::nq, "nq", "Never queue"},
        Choice{Scheduler::fo, "fo", "Weighted failover"},
        Choice{Scheduler::ovf, "ovf", "Weighted overflow"},
        Choice{Scheduler::mh, "mh", "Maglev hashing"},
        Choice{Scheduler::twos, "twos", "Weighted random twos choice"},
    };
};

template <>
struct Choices<SchedulerFlag> {
    static constexpr std::array all{
        Choice{SchedulerFlag::sh_port, "sh-port", "sh: the client's port counts too"},
        Choice{SchedulerFlag::sh_fallback, "sh-fallback", "sh: another one where one is unusable"},
        Choice{SchedulerFlag::mh_port, "mh-port", "mh: the client's port counts too"},
        Choice{SchedulerFlag::mh_fallback, "mh-fallback", "mh: another one where one is unusable"},
    };
};

template <>
struct Choices<OnFailure> {
    static constexpr std::array all{
        Choice{OnFailure::remove, "remove", "Remove it"},
        Choice{OnFailure::drain, "drain", "Quiesce it: weight 0"},
    };
};

template <>
struct Choices<RemovedConnections> {
    static constexpr std::array all{
        Choice{RemovedConnections::end, "end", "End at once"},
        Choice{RemovedConnections::keep, "keep", "Go on"},
    };
};

template <>
struct Choices<HookChoice> {
    static constexpr std::array all{
        Choice{HookChoice::automatic, "auto", "XDP where it helps, else tc"},
        Choice{HookChoice::xdp, "xdp", "XDP, with tc behind it"},
        Choice{HookChoice::tc, "tc", "tc alone"},
    };
};

template <>
struct Choices<MonitorType> {
    static constexpr std::array all{
        Choice{MonitorType::none, "none", "Not checked"},
        Choice{MonitorType::text, "text", "Send and Expect"},
        Choice{MonitorType::program, "program", "Sending program"},
        Choice{MonitorType::http, "http", "HTTP"},
        Choice{MonitorType::https, "https", "HTTPS"},
        Choice{MonitorType::tls, "tls", "TLS"},
        Choice{MonitorType::dns, "dns", "DNS"},
        Choice{MonitorType::icmp, "icmp", "ICMP echo"},
        Choice{MonitorType::smtp, "smtp", "SMTP"},
        Choice{MonitorType::grpc, "grpc", "gRPC health"},
        Choice{MonitorType::ftp, "ftp", "FTP"},
        Choice{MonitorType::imap, "imap", "IMAP"},
        Choice{MonitorType::pop3, "pop3", "POP3"},
        Choice{MonitorType::ldap, "ldap", "LDAP"},
        Choice{MonitorType::mysql, "mysql", "MySQL"},
        Choice{MonitorType::postgresql, "postgresql", "PostgreSQL"},
        Choice{MonitorType::redis, "redis", "Redis"},
        Choice{MonitorType::sip, "sip", "SIP"},
    };
};

template <>
struct Choices<CheckTo> {
    static constexpr std::array all{
        Choice{CheckTo::real_server, "real-server", "The real server's address"},
        Choice{CheckTo::virtual_address, "virtual-address", "The virtual address"},
    };
};

template <>
struct Choices<DnsType> {
    static constexpr std::array all{
        Choice{DnsType::a, "A", "A"},
        Choice{DnsType::aaaa, "AAAA", "AAAA"},
        Choice{DnsType::cname, "CNAME", "CNAME"},
        Choice{DnsType::mx, "MX", "MX"},
        Choice{DnsType::ns, "NS", "NS"},
        Choice{DnsType::ptr, "PTR", "PTR"},
        Choice{DnsType::soa, "SOA", "SOA"},
        Choice{DnsType::srv, "SRV", "SRV"},
        Choice{DnsType::txt, "TXT", "TXT"},
    };
};

template <>
struct Choices<LoadTool> {
    static constexpr std::array all{
        Choice{LoadTool::none, "none", "none"},
        Choice{LoadTool::rup, "rup", "rup"},
        Choice{LoadTool::ruptime, "ruptime", "ruptime"},
        Choice{LoadTool::agent, "agent", "Agent"},
        Choice{LoadTool::http, "http", "HTTP"},
        Choice{LoadTool::program, "program", "Program"},
    };
};

template <>
struct Choices<EventKind> {
    static constexpr std::array all{
        Choice{EventKind::real_server_up, "real-server-up", "A real server is back"},
        Choice{EventKind::real_server_down, "real-server-down", "A real server failed"},
        Choice{EventKind::quorum_lost, "quorum-lost", "Too few real servers are left"},
        Choice{EventKind::quorum_regained, "quorum-regained", "Enough real servers are back"},
        Choice{EventKind::state_changed, "state-changed", "An administrator changed a state"},
        Choice{EventKind::load_lost, "load-lost", "A load is not known any more"},
    };
};

template <class E>
concept Enumerated = requires { Choices<E>::all; };

/// The word for a value: "wlc".
template <Enumerated E>
constexpr std::string_view name_of(E value) {
    for (const auto& choice : Choices<E>::all) {
        if (choice.value == value) return choice.name;
    }
    return "";
}

/// The value of a word.
template <Enumerated E>
constexpr std::optional<E> value_of(std::string_view name) {
    for (const auto& choice : Choices<E>::all) {
        if (choice.name == name) return choice.value;
    }
    return std::nullopt;
}

}  // namespace shoal::model
