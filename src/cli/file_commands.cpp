#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/status_json.h"
#include "base/file.h"
#include "cli/format.h"
#include "cli/report.h"
#include "config/toml_reader.h"
#include "net/netlink.h"

// The commands that read a configuration file.

namespace shoal::cli {

namespace {

Outcome<std::string> read_configuration(const std::string& path) {
    auto text = read_file(path, config::max_file_size);
    if (text) return std::move(*text);
    return std::unexpected(Failure{.exit_status = exit_not_possible,
                                   .message = "cannot read " + text.error().message});
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

std::size_t count_real_servers(const model::Configuration& configuration) {
    std::size_t count = 0;
    for (const auto& service : configuration.virtual_servers)
        count += service.real_servers.size();
    return count;
}

int report_good(const Console& console, const Options& options, const std::string& file,
                const model::Configuration& configuration) {
    const auto virtual_servers = configuration.virtual_servers.size();
    const auto real_servers = count_real_servers(configuration);
    if (options.json) {
        print_json(console, {{"file", file},
                             {"good", true},
                             {"virtual_servers", virtual_servers},
                             {"real_servers", real_servers},
                             {"problems", nlohmann::json::array()}});
    } else {
        console.out << file << ": " << format_many(virtual_servers, "virtual server") << ", "
                    << format_many(real_servers, "real server") << ": good\n";
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

int run_check(const Console& console, const Options& options, const CheckOptions& check) {
    const auto text = read_configuration(check.file);
    if (!text) return report(console, options, text.error());
    config::ReadOptions read_options;
    if (!check.other_machine) read_options.devices = network_devices();
    const auto configuration = config::read_toml(*text, read_options);
    if (!configuration)
        return report_problems(console, options, {check.file, *text}, configuration.error());
    return report_good(console, options, check.file, *configuration);
}

int run_apply(const Console& console, const Options& options, const std::string& file) {
    const auto text = read_configuration(file);
    if (!text) return report(console, options, text.error());
    const auto answer = Remote(options.socket).ask(http::Method::put, "/v1/configuration", *text);
    if (!answer) return report(console, options, answer.error(), {file, *text});
    console.out << (options.json ? *answer : file + " is in force") << "\n";
    return exit_done;
}

}  // namespace shoal::cli
