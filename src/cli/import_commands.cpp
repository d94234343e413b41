#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "api/status_json.h"
#include "base/file.h"
#include "cli/format.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "config/ipvsadm/ipvsadm.h"
#include "config/keepalived/import.h"
#include "config/lvs_cf/lvs_cf.h"
#include "config/toml_reader.h"
#include "config/toml_writer.h"
#include "model/json.h"

// The commands that convert files of other programs, and shoal.toml to theirs.

namespace shoal::cli {

namespace {

struct ImportFormat {
    std::string_view name;
    config::Imported (*read)(std::string_view text, const ConversionOptions& wanted);
};

template <config::Imported (*read)(std::string_view text)>
config::Imported text_alone(std::string_view text, const ConversionOptions&) {
    return read(text);
}

config::Imported with_its_includes(std::string_view text, const ConversionOptions& wanted) {
    config::keepalived::FileSources sources;
    return config::keepalived::import_keepalived(
        text, {.host = wanted.host, .directory = config::keepalived::directory_of(wanted.file)},
        sources);
}

constexpr std::array import_formats{
    ImportFormat{"lvs.cf", text_alone<config::import_lvs_cf>},
    ImportFormat{"keepalived", with_its_includes},
    ImportFormat{"ipvsadm", text_alone<config::import_ipvsadm>},
    ImportFormat{"iptables-save", text_alone<config::import_iptables>},
};

int refuse_format(const Console& console, const Options& options, const std::string& format,
                  const std::vector<std::string>& known) {
    return report(console, options,
                  {.exit_status = exit_not_possible,
                   .message = fmt::format("unknown format \"{}\"; known: {}", format,
                                          fmt::join(known, ", "))});
}

int report_import(const Console& console, const Options& options, const SourceText& source,
                  const config::Import& import) {
    const auto toml = config::to_toml(import.configuration);
    if (options.json) {
        print_json(console, {{"file", source.file},
                             {"good", true},
                             {"toml", toml},
                             {"configuration", model::to_json(import.configuration)},
                             {"remarks", api::to_json(import.remarks)}});
    } else {
        console.error << config::render_notes(import.remarks, source.file, source.text);
        console.out << toml;
    }
    return exit_done;
}

int report_refused(const Console& console, const Options& options, const SourceText& source,
                   const std::vector<config::Problem>& problems) {
    if (options.json) {
        print_json(console,
                   {{"file", source.file}, {"good", false}, {"problems", api::to_json(problems)}});
    } else {
        console.error << config::render(problems, source.file, source.text) << source.file << ": "
                      << format_many(problems.size(), "problem") << "\n";
    }
    return exit_refused;
}

Result<std::string> read_text(const std::string& path) {
    return read_file(path, config::max_file_size);
}

int report_unreadable(const Console& console, const Options& options, const Error& error) {
    return report(console, options,
                  {.exit_status = exit_not_possible, .message = "cannot read " + error.message});
}

}  // namespace

std::vector<std::string> known_imports() {
    std::vector<std::string> names;
    for (const auto& format : import_formats)
        names.emplace_back(format.name);
    return names;
}

int run_import(const Console& console, const Options& options, const ConversionOptions& wanted) {
    const auto format = std::ranges::find(import_formats, wanted.format, &ImportFormat::name);
    if (format == import_formats.end())
        return refuse_format(console, options, wanted.format, known_imports());
    const auto text = read_text(wanted.file);
    if (!text) return report_unreadable(console, options, text.error());
    const auto import = format->read(*text, wanted);
    if (!import) return report_refused(console, options, {wanted.file, *text}, import.error());
    return report_import(console, options, {wanted.file, *text}, *import);
}

int run_export(const Console& console, const Options& options, const ConversionOptions& wanted) {
    if (wanted.format != "lvs.cf")
        return refuse_format(console, options, wanted.format, {"lvs.cf"});
    const auto text = read_text(wanted.file);
    if (!text) return report_unreadable(console, options, text.error());
    const auto configuration = config::read_toml(*text, {});
    if (!configuration)
        return report_refused(console, options, {wanted.file, *text}, configuration.error());
    const auto lvs_cf = config::to_lvs_cf(*configuration);
    if (options.json) {
        print_json(console, {{"file", wanted.file},
                             {"good", true},
                             {"lvs_cf", lvs_cf.text},
                             {"remarks", lvs_cf.remarks}});
        return exit_done;
    }
    for (const auto& remark : lvs_cf.remarks)
        console.error << "not in lvs.cf: " << printable(remark, console.terminal) << "\n";
    console.out << lvs_cf.text;
    return exit_done;
}

}  // namespace shoal::cli
