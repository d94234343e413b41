#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "checker.h"
#include "responder.h"

// The checker and the servers of `./run bench checks`.

int main(int argc, char** argv) try {
    CLI::App app("Checks servers on loopback and says what that costs");
    app.require_subcommand(1);
    auto* respond = app.add_subcommand("respond", "be the servers");
    auto* check = app.add_subcommand("check", "be the checker");
    shoal::bench::CheckLoad load;
    check->add_flag("--http", load.http);
    check->add_flag("--refused", load.refused);
    check->add_option("--targets", load.targets);
    check->add_option("--interval-ms", load.interval_ms);
    check->add_option("--seconds", load.seconds);
    check->add_option("--port", load.port)->required();
    check->add_option("--others", load.others);
    check->add_option("--others-port", load.others_port);
    CLI11_PARSE(app, argc, argv);
    if (*respond) return shoal::bench::run_responder();
    std::puts(shoal::bench::run_checker(load).c_str());
    return 0;
} catch (const std::exception& problem) {
    std::fprintf(stderr, "bench_checks: %s\n", problem.what());
    return 1;
}
