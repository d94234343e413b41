#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/endpoints.h"
#include "config/parts.h"
#include "config/problem_list.h"

// The parts of validate(), each for one kind of contradiction.

namespace shoal::config {

/// What is looked at, and where what is found goes.
struct Examination {
    const model::Configuration& configuration;
    const Table& document;
    ProblemList& problems;
};

/// What a single virtual server says: options that exclude or need each other.
void validate_options(const Examination& examination, const std::vector<ServicePart>& services);

/// Settings of tunnels where there are tunnels, and ports that nothing can translate.
void validate_tunnels(const Examination& examination, const std::vector<ServicePart>& services);

/// Addresses of the two families where they do not go together.
void validate_families(const Examination& examination, const std::vector<ServicePart>& services);

/// No packet fits two active virtual servers, or two rules, by the same right.
void validate_ports(const Examination& examination, const std::vector<ServicePart>& services,
                    const std::vector<RulePart>& rules);

/// Every mark is set by a rule and used by a virtual server, and virtual servers that share one can
/// be united.
void validate_marks(const Examination& examination, const std::vector<ServicePart>& services,
                    const std::vector<RulePart>& rules);

/// What checks and load monitors say: settings of another kind of check, texts that cannot be what
/// they should be.
void validate_monitors(const Examination& examination, const std::vector<ServicePart>& services);

/// Checks to virtual addresses, where a real server gets no packets to one.
void validate_check_ways(const Examination& examination, const std::vector<ServicePart>& services);

/// Notifications that reach nobody, or speak of virtual servers that are not there.
void validate_notifications(const Examination& examination);

/// Directors and VRRP instances that contradict each other or the protocol.
void validate_redundancy(const Examination& examination);

/// Whether everything under `key` in the tables of `list` is to be seen: false where one of them
/// was refused or, if it is `required`, is missing.
enum class Presence { optional, required };
bool is_known(const Table& document, std::string_view list, std::string_view key,
              Presence presence);

/// Whether the forwarding method of [global] is to be seen, its default too: false where it was
/// refused.
bool is_global_method_known(const Table& document);

/// True where a rule sets the virtual server's mark for packets of its family: as under IPVS, a
/// mark over IPv4 and one over IPv6 are two virtual servers.
bool sets_mark(const model::Configuration& configuration, const model::VirtualServer& service);

/// "the other one is in line 7"; empty for JSON, which has no lines.
std::string seen_in(Position position);

/// How many the scheduler may have to look at: the sorry server stands beside drained ones.
std::size_t pool_size_of(const model::VirtualServer& service, std::size_t real_servers);
/// "257 real servers", "256 real servers and a sorry server"
std::string pool_text(const model::VirtualServer& service, std::size_t real_servers);

/// `virtual server "web"`
std::string title_of(const model::VirtualServer& service);

}  // namespace shoal::config
