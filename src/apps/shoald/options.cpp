#include "options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace shoal {

DaemonOptions parse_options(int argc, char** argv) {
    DaemonOptions options;
    CLI::App app{
        "shoald, the director: keeps the kernel as the configuration and the checks want it.\n"
        "It may be killed and started again at any time; `shoal stop` takes everything down."};
    app.add_option("--config", options.configuration_file, "configuration file")
        ->capture_default_str();
    app.add_option("--socket", options.socket, "socket that `shoal` talks to")
        ->capture_default_str();
    app.add_option("--run-socket", options.run_socket, "socket of shoal-run, which runs programs")
        ->capture_default_str();
    app.add_option("--pin-dir", options.pin_directory,
                   "where programs and tables are pinned (bpffs)")
        ->capture_default_str();
    app.add_option("--state-dir", options.state_directory,
                   "remembers what administrators ordered and agents said")
        ->capture_default_str();
    app.add_option("--run-dir", options.runtime_directory,
                   "remembers which kernel settings were changed, until the machine boots")
        ->capture_default_str();
    app.add_flag("--withdraw", options.withdraw,
                 "take down what an earlier shoald left in the kernel, and end");
    app.set_version_flag("--version", SHOAL_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error) == 0 ? 0 : 2);
    }
    return options;
}

}  // namespace shoal
