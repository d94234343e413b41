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

/// Of all groups together: a short line stands for thousands of addresses.
constexpr std::size_t most_members = 4 * model::max_virtual_servers;

/// False: there is no room for them.
bool read_addresses(const Statement& statement, std::vector<GroupMember>& members,
                    Remarks& remarks) {
    const auto addresses = addresses_of(statement.keyword, model::max_virtual_servers);
    const auto port = statement.arguments.empty() ? std::optional<std::uint64_t>(0)
                                                  : number_of(statement.arguments.front(), 65'535);
    if (addresses.empty() || !port) {
        remarks.add(statement.place,
                    fmt::format("{} is no address with a port, and no range of addresses, left out",
                                in_quotes(statement.keyword)),
                    "for instance 192.0.2.80 80, or 192.0.2.80-90 80");
        return true;
    }
    if (members.size() + addresses.size() > model::max_virtual_servers) return false;
    for (const auto& address : addresses)
        members.push_back({statement.place, address, static_cast<std::uint16_t>(*port), {}, {}});
    return true;
}

void read_group(const Statement& group, std::vector<GroupMember>& members, Remarks& remarks) {
    for (const auto& statement : group.block) {
        const bool mark = statement.keyword == "fwmark";
        if (members.size() >= model::max_virtual_servers ||
            (!mark && !read_addresses(statement, members, remarks))) {
            remarks.add(statement.place,
                        fmt::format("the group has too many addresses: {} and what follows in it "
                                    "is left out",
                                    in_quotes(statement.keyword)),
                        fmt::format("at most {}", model::max_virtual_servers));
            return;
        }
        if (mark) read_mark(statement, members, remarks);
    }
}

}  // namespace

void read_groups(const std::vector<Statement>& tree, Context& context) {
    std::size_t count = 0;
    for (const auto& group : tree) {
        if (group.keyword != "virtual_server_group") continue;
        if (group.arguments.empty()) {
            context.remarks.add(group.place, "virtual_server_group without a name, left out");
            continue;
        }
        if (count >= most_members) {
            context.remarks.add(group.place,
                                "the groups have too many addresses together, left out",
                                fmt::format("at most {}", most_members));
            continue;
        }
        auto& members = context.groups[group.arguments.front()];
        const auto before = members.size();
        read_group(group, members, context.remarks);
        count += members.size() - before;
    }
}

}  // namespace shoal::config::keepalived
