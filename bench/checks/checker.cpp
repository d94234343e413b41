#include "checker.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "base/clock.h"
#include "health/health_monitor.h"

namespace shoal::bench {

namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

double resident_mb() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    file >> all >> resident;
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

int time_wait_sockets() {
    std::ifstream table("/proc/net/tcp");
    int count = 0;
    for (std::string line; std::getline(table, line);) {
        std::istringstream fields(line);
        std::string number, local, remote, state;
        fields >> number >> local >> remote >> state;
        if (state == "06") ++count;
    }
    return count;
}

std::vector<health::Target> targets_of(const CheckLoad& load) {
    std::vector<health::Target> targets;
    for (int number = 0; number < load.targets + load.others; ++number) {
        health::Target target;
        target.id = {"web", fmt::format("server-{}", number)};
        target.address =
            net::Address::parse(fmt::format("127.1.{}.{}", number / 250, number % 250 + 1)).value();
        target.port = number < load.targets ? load.port : load.others_port;
        target.interval = milliseconds(load.interval_ms);
        target.timeout = target.interval / 2;
        target.service_timeout = 3 * target.interval;
        if (load.http) target.monitor.type = model::MonitorType::http;
        targets.push_back(std::move(target));
    }
    return targets;
}

/// Of the clock that all processes share.
double monotonic_s() {
    return duration<double>(Clock::now().time_since_epoch()).count();
}

std::uint64_t checks_of(const health::HealthMonitor& monitor) {
    std::uint64_t checks = 0;
    for (const auto& [id, verdict] : monitor.view())
        checks += verdict.checks;
    return checks;
}

int up_of(const health::HealthMonitor& monitor) {
    int up = 0;
    for (const auto& [id, verdict] : monitor.view())
        up += verdict.health == model::Health::up ? 1 : 0;
    return up;
}

}  // namespace

std::string run_checker(const CheckLoad& load) {
    boost::asio::io_context loop{1};
    const auto begun = monotonic_s();
    // Those that are there already are somebody else's.
    const int time_wait_before = time_wait_sockets();
    std::vector<double> downs;
    health::HealthMonitor monitor(loop, [&](const auto& /*id*/, const auto& verdict) {
        if (verdict.health == model::Health::down) downs.push_back(monotonic_s());
    });
    const auto targets = targets_of(load);
    std::vector<health::TargetId> up;
    for (const auto& target : targets)
        up.push_back(target.id);
    monitor.set_targets(targets, load.refused ? up : std::vector<health::TargetId>{});
    loop.run_for(seconds(load.refused ? 0 : 3));
    const auto before = checks_of(monitor);
    const auto cpu_before = cpu_seconds();
    const auto from = Clock::now();
    loop.run_for(seconds(load.seconds));
    const duration<double> passed = Clock::now() - from;
    const auto cpu = cpu_seconds() - cpu_before;
    const auto checks = static_cast<double>(checks_of(monitor) - before);
    nlohmann::json figures{{"cores", cpu / passed.count()},
                           {"checks_per_s", checks / passed.count()},
                           {"us_per_check", cpu / checks * 1e6},
                           {"rss_mb", resident_mb()},
                           {"late_ms_p99", monitor.lateness().p99_ms()},
                           {"late_ms_worst", monitor.lateness().worst_ms()},
                           {"time_wait", std::max(0, time_wait_sockets() - time_wait_before)},
                           {"up", up_of(monitor)},
                           {"down_at_s", downs}};
    if (load.refused) figures["all_out_after_s"] = downs.empty() ? 0 : downs.back() - begun;
    return figures.dump();
}

}  // namespace shoal::bench
