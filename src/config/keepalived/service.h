#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/keepalived/check.h"
#include "config/keepalived/context.h"

// What the block of a virtual_server says, before it is known which addresses it is for.

namespace shoal::config::keepalived {

/// Of lvs_method, and of the sorry server's.
struct Method {
    std::optional<model::ForwardingMethod> method;
    std::optional<model::Tunnel> tunnel;
};
/// Unset, with a remark, where it is none.
std::optional<Method> read_method(const Statement& statement, Remarks& remarks);

/// A script that keepalived runs when something happens.
struct Script {
    std::vector<std::string> command;
    Place place;
};

struct Server {
    Place place;
    model::RealServer value;
    /// As it was written; the check goes there.
    std::uint16_t port = 0;
    std::string virtual_host;
    Timing timing;
    std::vector<Check> checks;
    bool inhibit = false;
    Place inhibit_place;
    std::optional<Script> up;
    std::optional<Script> down;
};

struct Service {
    Place place;
    /// Without name, address, port and mark.
    model::VirtualServer value;
    /// What is to be its name, if anything.
    std::string name;
    bool has_protocol = false;
    std::uint32_t quorum = 1;
    std::uint32_t hysteresis = 0;
    Place quorum_place;
    std::optional<std::uint16_t> sorry_port;
    std::string virtual_host;
    Timing timing;
    bool inhibit = false;
    std::optional<Script> quorum_up;
    std::optional<Script> quorum_down;
    std::optional<bool> mails;
    std::vector<Server> servers;
};

/// Unset, with a remark, where nothing here is like it.
std::optional<Service> read_service(const Statement& statement, Context& context);
std::optional<Server> read_server(const Statement& statement, const Service& service,
                                  Context& context);

/// The scripts of `statement`; unset, with a remark, where it is no program.
std::optional<Script> read_script(const Statement& statement, Remarks& remarks);

/// How the real servers are checked: one monitor, with what of it differs for one of them.
void set_monitor(Service& service, Remarks& remarks);
/// How many real servers are needed, of the weight that is.
void set_quorum(Service& service, Remarks& remarks);

}  // namespace shoal::config::keepalived
