#include "options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace shoal {

RunOptions parse_run_options(int argc, char** argv) {
    RunOptions options;
    CLI::App app{
        "shoal-run runs the administrator's programs (checks, loads, notifications) for shoald, "
        "as\n"
        "a user without rights. systemd gives it its socket; else it makes one."};
    app.add_option("--socket", options.socket, "socket that shoald talks to")
        ->capture_default_str();
    app.add_option("--user", options.user,
                   "whom it becomes when root starts it (default: shoal-run, else nobody)");
    app.add_option("--allow", options.allow, "user whose orders are taken besides root's");
    app.add_option("--most", options.most_running, "programs that run at once; others wait")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    app.add_option(
           "--memory", options.memory,
           "MiB that each process of a program may use (heap, stacks and other\nprivate memory)")
        ->check(CLI::Range(8, 1 << 20))
        ->capture_default_str();
    app.add_option("--processes", options.processes, "processes of all programs together")
        ->check(CLI::Range(16, 1 << 20))
        ->capture_default_str();
    app.set_version_flag("--version", SHOAL_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::exit(app.exit(error) == 0 ? 0 : 2);
    }
    return options;
}

}  // namespace shoal
