#include "config/keepalived/import.h"

#include <fmt/format.h>

#include <array>

#include "config/keepalived/context.h"
#include "config/keepalived/globals.h"
#include "config/keepalived/keywords.h"
#include "config/keepalived/services.h"
#include "config/keepalived/sift.h"
#include "config/keepalived/tree.h"
#include "config/keepalived/vrrp.h"
#include "config/toml_reader.h"

namespace shoal::config::keepalived {

namespace {

/// What stands at the top. The order of what is read is another than that of the file: virtual
/// servers ask for the addresses of VRRP instances.
struct Top {
    void known(const Statement& statement) {
        (void)statement;
        any = true;
    }
    bool any = false;
};

constexpr std::string_view one_network = "shoald serves the network that it runs in";
constexpr std::string_view own_process = "shoald runs its own way";
constexpr std::string_view no_routes = "routes and rules are left to the system";
constexpr std::string_view not_tracked = "devices and programs are tracked";
constexpr std::array<Keyword<Top>, 29> top_keywords{{
    {"global_defs", &Top::known},
    {"SSL", &Top::known},
    {"virtual_server", &Top::known},
    {"virtual_server_group", &Top::known},
    {"vrrp_instance", &Top::known},
    {"vrrp_sync_group", &Top::known},
    {"vrrp_script", &Top::known},
    {"static_ipaddress", &Top::known},
    {"static_routes", nullptr, no_routes},
    {"static_rules", nullptr, no_routes},
    {"track_file", nullptr, not_tracked},
    {"vrrp_track_file", nullptr, not_tracked},
    {"track_process", nullptr, not_tracked},
    {"vrrp_track_process", nullptr, not_tracked},
    {"track_group", nullptr, not_tracked},
    {"bfd_instance", nullptr, not_tracked},
    {"garp_group", nullptr, "addresses are announced as shoald does it"},
    {"linkbeat_interfaces", nullptr, "the kernel tells of links"},
    {"linkbeat_use_polling", nullptr, "the kernel tells of links"},
    {"interface_up_down_delays", nullptr, "a link counts at once"},
    {"net_namespace", nullptr, one_network},
    {"net_namespace_ipvs", nullptr, one_network},
    {"namespace_with_ipsets", nullptr, one_network},
    {"instance", nullptr, own_process},
    {"use_pid_dir", nullptr, own_process},
    {"child_wait_time", nullptr, own_process},
    {"local_address_group", nullptr, "the client's address is kept, there is no full NAT"},
    {"laddr_group", nullptr, "the client's address is kept, there is no full NAT"},
    {"vrrp_process_name", nullptr, own_process},
}};

std::unexpected<std::vector<Problem>> only(Problem problem) {
    return std::unexpected(std::vector{std::move(problem)});
}

}  // namespace

Imported import_keepalived(std::string_view text, const ExpansionOptions& options,
                           Sources& sources) {
    if (text.size() > max_file_size) {
        return only({0, 0, fmt::format("the file has {} bytes", text.size()),
                     fmt::format("at most {}", max_file_size)});
    }
    Remarks remarks;
    const auto lines = expand(text, options, sources, remarks);
    if (!lines) return only(lines.error());
    const auto tree = read_tree(*lines, remarks);
    if (!tree) return only(tree.error());
    Top top;
    read_block<Top>(top, *tree, top_keywords, "the file", remarks);
    if (!top.any) {
        return only({0, 0,
                     "this is no keepalived.conf: it has no virtual_server, vrrp_instance or "
                     "global_defs",
                     ""});
    }
    Context context{.remarks = remarks};
    read_globals(*tree, context);
    read_vrrp(*tree, context);
    read_groups(*tree, context);
    read_services(*tree, context);
    add_mail_notifications(context);
    if (!sift(context)) {
        auto problems = remarks.take();
        problems.insert(problems.begin(),
                        {0, 0, "what the file says does not make a valid configuration", ""});
        return std::unexpected(std::move(problems));
    }
    return Import{std::move(context.configuration), remarks.take()};
}

}  // namespace shoal::config::keepalived
