#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/problem_list.h"
#include "net/address.h"

// What an lvs.cf says, with the defaults of Piranha's parser.

namespace shoal::config::lvs_cf {

/// `place` is where it stands, or line 0 where the default holds.
template <class Value>
struct Given {
    Value value{};
    Position place{};
    bool is_given() const { return place.line > 0; }
};

struct Host {
    /// As written.
    std::string name;
    /// Unset where `name` is not a dotted quad, and for 0.0.0.0, which means none.
    std::optional<net::Address> address;
};

/// 0.0.0.0, or not given.
inline bool is_none(const Host& host) {
    return !host.address && (host.name.empty() || host.name == "0.0.0.0");
}

/// An address and the device that gets it.
struct Placed {
    Host host;
    std::string device;
};

/// A dotted quad, in host byte order; 0: not set.
struct Mask {
    std::uint32_t bits = 0;
};

/// A number, or the name of a TCP service.
struct Port {
    std::int64_t number = 0;
};

struct Server {
    Given<std::string> name;
    Given<Host> address;
    Given<bool> active;
    /// Default: the virtual server's as it stood above this block.
    Given<std::int64_t> port;
    Given<std::int64_t> weight{1};
};

struct Virtual {
    Given<std::string> name;
    Given<bool> active;
    Given<Placed> address;
    Given<Mask> vip_nmask;
    Given<Host> sorry_server;
    Given<std::int64_t> fwmark;
    Given<std::string> protocol{"tcp"};
    Given<Port> port{{80}};
    Given<std::string> scheduler{"wlc"};
    Given<std::int64_t> persistent;
    Given<Mask> pmask;
    Given<std::string> send;
    Given<std::string> expect;
    Given<std::string> send_program;
    Given<bool> use_regex;
    Given<std::int64_t> timeout{10};
    Given<std::int64_t> reentry{180};
    Given<std::string> load_monitor;
    Given<bool> quiesce_server;
    std::vector<Server> servers;
};

struct Global {
    Given<Host> primary;
    Given<Host> primary_private;
    Given<Host> backup;
    Given<Host> backup_private;
    Given<bool> backup_active;
    Given<std::int64_t> keepalive{2};
    Given<std::int64_t> deadtime{5};
    Given<std::string> service{"lvs"};
    Given<std::string> network{"nat"};
    Given<Placed> nat_router;
    Given<Mask> nat_nmask;
    Given<std::string> active_cmd;
    Given<std::string> inactive_cmd;
    Given<bool> monitor_links;
    Given<bool> syncdaemon;
    Given<std::string> syncd_iface{"eth0"};
    Given<std::int64_t> syncd_id;
    Given<std::int64_t> tcp_timeout;
    Given<std::int64_t> tcpfin_timeout;
    Given<std::int64_t> udp_timeout;
};

struct File {
    Global global;
    std::vector<Virtual> virtuals;
};

/// Reads the whole file: what Piranha's parser took means the same; what it refused is in `errors`,
/// or in `remarks` where it was understood nevertheless, as is what Shoal has no counterpart of.
File read_file(std::string_view text, ProblemList& errors, ProblemList& remarks);

}  // namespace shoal::config::lvs_cf
