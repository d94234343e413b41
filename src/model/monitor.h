#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/address.h"

// How real servers are watched: what a check asks, what a load monitor reads, and who is told.

namespace shoal::model {

using std::chrono::milliseconds;

enum class Protocol { tcp, udp };

enum class MonitorType {
    none,     /// not checked; counts as up
    text,     /// Send and Expect; without both it is enough that the port opens
    program,  /// a Sending program
    http,
    https,
    tls,  /// a handshake
    dns,
    icmp,
    smtp,
    grpc,
    // Fixed exchanges (health/presets.h).
    ftp,
    imap,
    pop3,
    ldap,
    mysql,
    postgresql,
    redis,
    sip,
};

enum class DnsType { a, aaaa, cname, mx, ns, ptr, soa, srv, txt };

/// What address of a real server a check asks.
enum class CheckTo {
    real_server,      /// its own, or the check address
    virtual_address,  /// the virtual server's, by the way that clients' packets come
};

/// HTTP status codes from `first` to `last`, both included.
struct StatusRange {
    std::uint16_t first = 200;
    std::uint16_t last = 399;
    bool operator==(const StatusRange&) const = default;
};

/// Escapes are already resolved: `send` and `expect` hold the bytes of the exchange.
struct Monitor {
    MonitorType type = MonitorType::text;
    CheckTo to = CheckTo::real_server;
    /// Default: the real server's.
    std::optional<net::Address> address{};
    /// Default: as check_port() says.
    std::optional<std::uint16_t> port{};
    /// Default: the director's own address, as routing chooses it.
    std::optional<net::Address> source{};
    /// Of the check. Default: the virtual server's.
    std::optional<Protocol> protocol{};
    /// Empty: nothing is sent.
    std::string send{};
    /// What the answer must begin with; empty: opening the port is enough.
    std::string expect{};
    /// A regular expression (RE2) that must match somewhere in the answer, of http and https in the
    /// body; empty: none.
    std::string expect_pattern{};
    /// Program and arguments; %h, %p, %v and %n in them are replaced.
    std::vector<std::string> sending_program{};

    // Of http and https.
    std::string method = "GET";
    std::string path = "/";
    /// Default: the address that is checked.
    std::string host{};
    /// Empty: 200 to 399.
    std::vector<StatusRange> status{};

    // Of https, tls and, with `tls`, of the others over TCP.
    bool tls = false;
    bool verify_certificate = false;
    /// Default: `host`.
    std::string server_name{};
    std::string ca_file{};
    std::string certificate_file{};
    std::string key_file{};

    // Of dns.
    std::string query_name{};
    DnsType query_type = DnsType::a;
    /// The text of one record of the answer must be this; empty: any record is right.
    std::string answer{};

    /// Of grpc; empty: the server as a whole.
    std::string grpc_service{};

    /// Default: a third of the service timeout.
    std::optional<milliseconds> interval{};
    /// Default: half the interval.
    std::optional<milliseconds> timeout{};
    bool operator==(const Monitor&) const = default;
};

/// What of its virtual server's monitor is different for one real server.
struct MonitorOverride {
    std::optional<CheckTo> to;
    std::optional<net::Address> address;
    std::optional<std::uint16_t> port;
    std::optional<std::string> send;
    std::optional<std::string> expect;
    std::optional<std::string> path;
    std::optional<std::string> host;
    std::optional<std::string> server_name;
    std::optional<std::string> query_name;
    bool operator==(const MonitorOverride&) const = default;
};

constexpr bool is_checked(const Monitor& monitor) {
    return monitor.type != MonitorType::none;
}

enum class LoadTool { none, rup, ruptime, agent, http, program };

/// Where the loads of the real servers come from, and how they become weights.
struct LoadMonitor {
    LoadTool tool = LoadTool::none;
    /// Default: the tool's own (rup 111 of the portmapper, ruptime 513); of agent and http needed.
    std::optional<std::uint16_t> port{};
    milliseconds interval{10'000};
    /// Of http: the path, and what in the answer is the load: a JSON pointer ("/load/1m") or the
    /// name of a Prometheus metric.
    std::string path = "/";
    std::string value{};
    std::vector<std::string> program{};
    /// The load, in hundredths, at which a real server has the weight of the file.
    std::uint32_t normal_load = 100;
    /// The least and the greatest weight, in percent of the file's.
    std::uint32_t least_weight = 25;
    std::uint32_t greatest_weight = 200;
    bool operator==(const LoadMonitor&) const = default;
};

enum class EventKind {
    real_server_up,
    real_server_down,
    quorum_lost,
    quorum_regained,
    state_changed,
    load_lost,
};

/// Who is told what happens.
struct Notification {
    std::string name;
    /// Empty: all.
    std::vector<EventKind> events;
    /// Names; empty: all.
    std::vector<std::string> virtual_servers;
    /// Program and arguments.
    std::vector<std::string> command;
    /// An http or https URL that gets a POST.
    std::string webhook;
    std::vector<std::string> mail_to;
    std::string mail_from;
    /// "host" or "host:port" of an SMTP relay.
    std::string mail_relay;
    bool operator==(const Notification&) const = default;
};

}  // namespace shoal::model
