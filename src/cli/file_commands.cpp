#include <fmt/format.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/status_json.h"
#include "base/file.h"
#include "cli/configuration_file.h"
#include "cli/format.h"
#include "cli/report.h"
#include "config/notes.h"
#include "config/toml_reader.h"
#include "model/table_memory.h"
#include "net/netlink.h"

// The commands that read a configuration file.

namespace shoal::cli {

namespace {

/// In bytes; unset where the system does not tell.
std::optional<std::uint64_t> memory_of_machine() {
    struct sysinfo info{};
    if (::sysinfo(&info) != 0) return {};
    return std::uint64_t{info.totalram} * info.mem_unit;
}

/// Unset where the system does not tell.
std::optional<std::vector<std::string>> network_devices() {
    const auto links =
        net::Netlink::open().and_then([](net::Netlink netlink) { return netlink.links(); });
    if (!links) return {};
    std::vector<std::string> names;
    for (const auto& link : *links)
        names.push_back(link.name);
    return names;
}

/// What the system does not tell is left out.
config::PathMtus path_mtus(const model::Configuration& configuration) {
    config::PathMtus mtus;
    auto netlink = net::Netlink::open();
    const auto links = netlink ? netlink->links() : Result<std::vector<net::Link>>();
    if (!netlink || !links) return mtus;
    for (const auto& link : *links)
        mtus.devices[link.name] = link.mtu;
    for (const auto& service : configuration.virtual_servers) {
        for (const auto& server : service.real_servers) {
            if (forwarding_method(configuration, service, server) !=
                model::ForwardingMethod::tunnel)
                continue;
            const auto route = netlink->route(server.address);
            if (!route || !*route || (*route)->local) continue;
            const auto link =
                std::ranges::find(*links, (*route)->interface_index, &net::Link::index);
            if (link == links->end()) continue;
            const auto mtu = (*route)->mtu == 0 ? link->mtu : std::min((*route)->mtu, link->mtu);
            mtus.real_servers[server.address] = {link->name, mtu};
        }
    }
    return mtus;
}

std::size_t real_servers_in(const model::Configuration& configuration) {
    std::size_t count = 0;
    for (const auto& service : configuration.virtual_servers)
        count += service.real_servers.size();
    return count;
}

std::uint64_t megabytes(std::uint64_t bytes) {
    return (bytes + (1 << 20) - 1) >> 20;
}

int report_good(const Console& console, const Options& options, const SourceText& source,
                const model::Configuration& configuration, const config::PathMtus& mtus) {
    const auto virtual_servers = configuration.virtual_servers.size();
    const auto real_servers = real_servers_in(configuration);
    const auto notes = config::notes_on(configuration, source.text, mtus);
    const auto table = model::table_bytes(configuration.global.table_size);
    if (options.json) {
        print_json(console, {{"file", source.file},
                             {"good", true},
                             {"virtual_servers", virtual_servers},
                             {"real_servers", real_servers},
                             {"table_bytes", table},
                             {"problems", nlohmann::json::array()},
                             {"notes", api::to_json(notes)}});
    } else {
        console.out << config::render_notes(notes, source.file, source.text) << source.file << ": "
                    << format_many(virtual_servers, "virtual server") << ", "
                    << format_many(real_servers, "real server") << ", a table of "
                    << megabytes(table) << " MB: good"
                    << (notes.empty() ? "" : ", " + format_many(notes.size(), "note")) << "\n";
    }
    return exit_done;
}

int report_problems(const Console& console, const Options& options, const SourceText& source,
                    const std::vector<config::Problem>& problems) {
    if (options.json) {
        print_json(console,
                   {{"file", source.file}, {"good", false}, {"problems", api::to_json(problems)}});
    } else {
        console.out << config::render(problems, source.file, source.text) << source.file << ": "
                    << format_many(problems.size(), "problem") << "\n";
    }
    return exit_refused;
}

}  // namespace

Outcome<std::string> read_configuration(const std::string& path) {
    auto text = read_file(path, config::max_file_size);
    if (text) return std::move(*text);
    return std::unexpected(Failure{.exit_status = exit_not_possible,
                                   .message = "cannot read " + text.error().message});
}

void announce_resize(const Console& console, Remote& remote, const std::string& text) {
    const auto configuration = config::read_toml(text, {});
    if (!configuration) return;
    const auto answer = remote.ask(http::Method::get, "/api/v1/status");
    if (!answer) return;
    const auto status = nlohmann::json::parse(*answer, nullptr, false);
    if (!status.is_object() || !status.contains("table")) return;
    const auto present = status["table"].value("size", std::uint32_t{0});
    const auto wanted = configuration->global.table_size;
    if (present == 0 || present == wanted) return;
    console.out << fmt::format(
                       "the connections move from a table of {} cells to one of {}, which takes {} "
                       "MB beside the {} MB of the former until they have",
                       present, wanted, megabytes(model::table_bytes(wanted)),
                       megabytes(model::table_bytes(present)))
                << std::endl;
}

int run_check(const Console& console, const Options& options, const CheckOptions& check) {
    const auto text = read_configuration(check.file);
    if (!text) return report(console, options, text.error());
    config::ReadOptions read_options;
    if (!check.other_machine) {
        read_options.devices = network_devices();
        read_options.memory = memory_of_machine();
    }
    const auto configuration = config::read_toml(*text, read_options);
    if (!configuration)
        return report_problems(console, options, {check.file, *text}, configuration.error());
    const auto mtus = check.other_machine ? config::PathMtus() : path_mtus(*configuration);
    return report_good(console, options, {check.file, *text}, *configuration, mtus);
}

}  // namespace shoal::cli
