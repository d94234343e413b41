#include <fmt/format.h>

#include <limits>

#include "config/keepalived/services.h"
#include "config/keepalived/values.h"
#include "model/text.h"

namespace shoal::config::keepalived {

namespace {

using model::in_quotes;

void read_mark(const Statement& statement, std::vector<GroupMember>& members, Remarks& remarks) {
    const auto& words = statement.arguments;
    const auto mark = words.empty()
                          ? std::nullopt
                          : number_of(words.front(), std::numeric_limits<std::uint32_t>::max());
    if (mark.value_or(0) == 0) {
        remarks.add(statement.place, "fwmark without a mark, left out");
        return;
    }
    GroupMember member{statement.place, {}, 0, static_cast<std::uint32_t>(*mark), {}};
    if (words.size() > 1) member.v6 = words[1] == "inet6";
    members.push_back(member);
}

void read_addresses(const Statement& statement, std::vector<GroupMember>& members,
                    Remarks& remarks) {
    const auto addresses = addresses_of(statement.keyword, model::max_virtual_servers);
    const auto port = statement.arguments.empty() ? std::optional<std::uint64_t>(0)
                                                  : number_of(statement.arguments.front(), 65'535);
    if (addresses.empty() || !port) {
        remarks.add(statement.place,
                    fmt::format("{} is no address with a port, and no range of addresses, left out",
                                in_quotes(statement.keyword)),
                    "for instance 192.0.2.80 80, or 192.0.2.80-90 80");
        return;
    }
    if (members.size() + addresses.size() > model::max_virtual_servers) {
        remarks.add(statement.place,
                    fmt::format("the group has too many addresses, {} is left out",
                                in_quotes(statement.keyword)),
                    fmt::format("at most {}", model::max_virtual_servers));
        return;
    }
    for (const auto& address : addresses)
        members.push_back({statement.place, address, static_cast<std::uint16_t>(*port), {}, {}});
}

}  // namespace

void read_groups(const std::vector<Statement>& tree, Context& context) {
    for (const auto& group : tree) {
        if (group.keyword != "virtual_server_group") continue;
        if (group.arguments.empty()) {
            context.remarks.add(group.place, "virtual_server_group without a name, left out");
            continue;
        }
        auto& members = context.groups[group.arguments.front()];
        for (const auto& statement : group.block) {
            if (statement.keyword == "fwmark") {
                read_mark(statement, members, context.remarks);
            } else {
                read_addresses(statement, members, context.remarks);
            }
        }
    }
}

}  // namespace shoal::config::keepalived
