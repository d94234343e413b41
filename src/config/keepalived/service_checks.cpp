#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "config/keepalived/service.h"

namespace shoal::config::keepalived {

namespace {

using model::Monitor;
using model::MonitorOverride;

/// The check of a real server that looks deepest; null: it has none.
const Check* main_check(const Server& server, Remarks& remarks) {
    const auto deepest = std::ranges::max_element(server.checks, {}, depth_of);
    if (deepest == server.checks.end()) return nullptr;
    for (const auto& check : server.checks) {
        if (&check == &*deepest) continue;
        remarks.add(check.place,
                    fmt::format("one check for each real server: {} is left out for {}",
                                check.keyword, deepest->keyword));
    }
    return &*deepest;
}

/// What of `monitor` a real server may have of its own, where it is not as in `common`.
MonitorOverride differences(const Monitor& common, const Monitor& monitor) {
    MonitorOverride own;
    const auto set = [&](auto Monitor::* member, auto MonitorOverride::* own_member) {
        if (monitor.*member != common.*member) own.*own_member = monitor.*member;
    };
    set(&Monitor::send, &MonitorOverride::send);
    set(&Monitor::expect, &MonitorOverride::expect);
    set(&Monitor::path, &MonitorOverride::path);
    set(&Monitor::host, &MonitorOverride::host);
    set(&Monitor::server_name, &MonitorOverride::server_name);
    set(&Monitor::query_name, &MonitorOverride::query_name);
    own.address = monitor.address;
    own.port = monitor.port;
    return own;
}

/// All but what a real server may have of its own.
bool alike(const Monitor& common, Monitor monitor) {
    monitor.address = common.address;
    monitor.port = common.port;
    monitor.send = common.send;
    monitor.expect = common.expect;
    monitor.path = common.path;
    monitor.host = common.host;
    monitor.server_name = common.server_name;
    monitor.query_name = common.query_name;
    return monitor == common;
}

OwnTiming timing_of(const Check& check, const Server& server, const Service& service) {
    auto timing = check.timing.within(server.timing).within(service.timing);
    // A program may run until the next one begins: connect_timeout does not concern it.
    if (check.monitor.type == model::MonitorType::program) {
        timing.connect_timeout = check.timing.connect_timeout
                                     ? check.timing.connect_timeout
                                     : timing.within(check.defaults).delay_loop;
    }
    return own_timing(timing, check.defaults);
}

bool same(const OwnTiming& a, const OwnTiming& b) {
    return a.interval == b.interval && a.timeout == b.timeout &&
           a.service_timeout == b.service_timeout;
}

class Combination {
  public:
    Combination(Service& service, Remarks& remarks) : service_(service), remarks_(remarks) {}

    void run() {
        auto& value = service_.value;
        value.monitor = {.type = model::MonitorType::none};
        std::vector<const Check*> checks;
        for (const auto& server : service_.servers)
            checks.push_back(main_check(server, remarks_));
        const auto first = std::ranges::find_if(checks, std::identity());
        if (first == checks.end()) return;
        common_ = (*first)->monitor;
        common_.address.reset();
        common_.port.reset();
        timing_ = timing_of(
            **first, service_.servers[static_cast<std::size_t>(first - checks.begin())], service_);
        for (std::size_t i = 0; i < checks.size(); ++i)
            compare(service_.servers[i], checks[i]);
        common_.interval = timing_.interval;
        common_.timeout = timing_.timeout;
        value.service_timeout = timing_.service_timeout;
        value.monitor = std::move(common_);
    }

  private:
    void compare(Server& server, const Check* check) {
        if (check == nullptr) {
            remarks_.add(server.place,
                         "this real server has no check of its own, and is checked "
                         "as the others of its virtual server are");
            return;
        }
        if (!alike(common_, check->monitor)) {
            remarks_.add(check->place,
                         fmt::format("the real servers of a virtual server are checked in one way: "
                                     "this {} is done as the first one",
                                     check->keyword));
            if (check->monitor.type != common_.type) return;
        }
        server.value.monitor = differences(common_, check->monitor);
        if (!same(timing_of(*check, server, service_), timing_)) {
            remarks_.add(check->place,
                         "the real servers of a virtual server are checked equally "
                         "often: the times of the first one hold");
        }
    }

    Service& service_;
    Remarks& remarks_;
    Monitor common_;
    OwnTiming timing_;
};

}  // namespace

void set_monitor(Service& service, Remarks& remarks) {
    Combination(service, remarks).run();
}

namespace {

/// As few real servers, of the heaviest, as have this weight together; at least one.
std::uint32_t servers_for(std::uint64_t weight, const std::vector<std::uint64_t>& heaviest_first) {
    std::uint64_t sum = 0;
    std::uint32_t count = 0;
    for (const auto next : heaviest_first) {
        if (sum >= weight) break;
        sum += next;
        ++count;
    }
    return std::max(count, std::uint32_t{1});
}

}  // namespace

void set_quorum(Service& service, Remarks& remarks) {
    if (service.quorum_place.line == 0) return;
    std::vector<std::uint64_t> weights;
    for (const auto& server : service.servers)
        weights.push_back(server.value.weight);
    std::ranges::sort(weights, std::greater());
    const auto sum = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
    // As keepalived mends them.
    const auto quorum = std::clamp(std::uint64_t{service.quorum}, std::uint64_t{1},
                                   std::max(sum, std::uint64_t{1}));
    const auto hysteresis = std::min(std::uint64_t{service.hysteresis}, quorum - 1);
    const auto least = servers_for(quorum - hysteresis, weights);
    const auto regained = servers_for(std::min(quorum + hysteresis, sum), weights);
    service.value.quorum = least;
    service.value.quorum_hysteresis = std::max(regained, least) - least;
    if (weights.empty() || weights.front() == weights.back()) return;
    remarks.add(service.quorum_place,
                fmt::format("a quorum counts real servers, not their weights: it is {} of {}",
                            least, weights.size()));
}

}  // namespace shoal::config::keepalived
