#include "director/controller.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "config/toml_reader.h"
#include "director/status.h"
#include "director/surroundings.h"

namespace shoal::director {

namespace {

constexpr std::chrono::seconds self_check_interval{5};
/// Until the sweeper has freed some more cells.
constexpr std::chrono::milliseconds move_pause{100};
/// Before verdicts are brought about.
constexpr std::chrono::milliseconds longest_pause{250};
/// The sweeper ticks every 20 ms.
constexpr std::int64_t late_sweeper_ms = 2000;

void complain(std::string_view doing, const Result<void>& done) {
    if (!done) log(Message::operation_failed, "{}: {}", doing, done.error().message);
}

/// The size in the configuration is another one where the table of another version is taken over.
void announce_move(dataplane::Dataplane& dataplane, bool begins) {
    const auto statistics = dataplane.statistics();
    if (!statistics) return;
    const auto& table = statistics->table;
    if (begins)
        log(Message::table_moving, "from a table of {} cells to one of {}", table.former_size,
            table.size);
    else
        log(Message::table_moved, "to a table of {} cells", table.size);
}

}  // namespace

std::string state_file(const std::string& runtime_directory) {
    return (std::filesystem::path(runtime_directory) / "kernel.json").string();
}

std::string orders_file(const std::string& state_directory) {
    return (std::filesystem::path(state_directory) / "states.json").string();
}

std::string loads_file(const std::string& state_directory) {
    return (std::filesystem::path(state_directory) / "loads.json").string();
}

std::expected<model::Configuration, std::vector<config::Problem>> read_configuration(
    std::string_view text, net::Netlink& netlink) {
    config::ReadOptions options;
    if (const auto links = netlink.links()) {
        options.devices.emplace();
        for (const auto& link : *links)
            options.devices->push_back(link.name);
    }
    return config::read_toml(text, options);
}

Controller::Controller(boost::asio::io_context& loop, ControllerOptions options,
                       net::Netlink netlink, std::unique_ptr<dataplane::Dataplane> dataplane,
                       std::function<void()> on_stopped)
    : loop_(loop),
      options_(std::move(options)),
      dataplane_(std::move(dataplane)),
      on_stopped_(std::move(on_stopped)),
      addresses_(state_file(options_.runtime_directory)),
      announcements_(loop, addresses_),
      executor_(*dataplane_, addresses_, announcements_),
      conditions_(orders_file(options_.state_directory),
                  [this](const auto& event) { tell(event); }),
      health_(
          loop, [this](const auto& id, const auto& verdict) { verdict_changed(id, verdict); },
          options_.programs, &dataplane_->check_ways()),
      signals_(loop, *dataplane_, [this](const auto& signals) { signals_came(signals); }),
      loads_(loop, loads_file(options_.state_directory), options_.programs,
             {.tell = [this](const auto& event) { tell(event); },
              .agent_changed = [this](const auto& id, auto before,
                                      const auto& now) { agent_changed(id, before, now); },
              .changed = [this] { reconcile_after_verdicts(); }}),
      netlink_(std::move(netlink)),
      next_hops_(netlink_,
                 [this](const auto& server, const auto& hop) { next_hop_changed(server, hop); }),
      self_check_timer_(loop),
      statistics_timer_(loop),
      retry_timer_(loop),
      move_timer_(loop),
      slow_start_timer_(loop),
      verdict_timer_(loop),
      trial_timer_(loop),
      records_(options_.state_directory),
      started_ms_(wall_clock_ms()) {}

Result<void> Controller::start(Beginning beginning) {
    if (auto watching = watch_kernel(); !watching) return watching;
    if (auto watching = signals_.start(); !watching) return watching;
    // What cannot be read now, the first reconciliation reports.
    conditions_.begin(beginning.configuration, dataplane_->observe().value_or(dataplane::State{}));
    former_ = std::move(beginning.former);
    put_in_force(std::move(beginning.configuration));
    record(telemetry::director_started, "shoald " + options_.version + " runs");
    reconcile_now();
    schedule_end_of_trial();
    note_edits();
    schedule_self_check();
    read_statistics();
    return {};
}

Result<void> Controller::watch_kernel() {
    auto events = net::NetlinkEvents::open(
        loop_.get_executor(), {.changed = [this](auto changes) { kernel_changed(changes); },
                               .lost =
                                   [this] {
                                       log(Message::netlink_lost,
                                           "reading links, addresses, routes and neighbours again");
                                       complain("read next hops", next_hops_.reload());
                                       dataplane_->invalidate_client_next_hops();
                                       request_reconcile();
                                   }});
    if (!events) return fail(events.error());
    events_ = std::move(*events);
    return {};
}

void Controller::kernel_changed(std::span<const net::NetlinkEvent> events) {
    complain("read next hops", next_hops_.handle(events));
    const auto concerns_system = [](const net::NetlinkEvent& event) {
        return std::holds_alternative<net::LinkChanged>(event) ||
               std::holds_alternative<net::AddressChanged>(event);
    };
    for (const auto& event : events) {
        if (const auto* link = std::get_if<net::LinkChanged>(&event)) note_link(*link);
    }
    if (!std::ranges::all_of(events, concerns_system)) dataplane_->invalidate_client_next_hops();
    if (std::ranges::any_of(events, concerns_system)) request_reconcile();
}

void Controller::note_link(const net::LinkChanged& change) {
    const auto& link = change.link;
    if (change.removed || !link.up || !link.carrier) {
        devices_up_.erase(link.name);
    } else if (devices_up_.insert(link.name).second) {
        announcements_.device_came_up(link.name);
    }
}

void Controller::next_hop_changed(const net::Address& real_server, const net::NextHop& hop) {
    complain("set the next hop of " + real_server.to_string(),
             dataplane_->set_next_hop(real_server, hop));
    // The real server may be reached by another device now, which needs a hook.
    request_reconcile();
}

void Controller::put_in_force(model::Configuration configuration) {
    configuration_ = std::move(configuration);
    signal_index_ = signal_index(configuration_);
    conditions_.follow(configuration_, former_);
    loads_.follow(configuration_);
    set_check_targets();
    track_next_hops();
    if (options_.notifier != nullptr)
        options_.notifier->set_notifications(configuration_.notifications,
                                             configuration_.global.name);
    check_surroundings();
    log(Message::configuration_applied, "{}: {} virtual servers", options_.history->file(),
        configuration_.virtual_servers.size());
    record(telemetry::configuration_applied,
           fmt::format("a configuration is in force, with virtual servers: {}",
                       configuration_.virtual_servers.size()));
    // Reading a large configuration took several times what it takes itself.
    boost::asio::post(loop_, [] { ::malloc_trim(0); });
}

void Controller::set_check_targets() {
    targets_ = check_targets(configuration_, conditions_.states().view());
    const auto& targets = targets_;
    const auto state = dataplane_->observe();
    if (state) {
        auto serving = servers_in_pools(configuration_, *state);
        // A change that failed may have taken servers out that were well.
        if (change_ && !change_->failures.empty())
            std::ranges::copy(change_->serving_before, std::back_inserter(serving));
        health_.set_targets(targets, serving);
        return;
    }
    // Nobody goes out because this could not be read: the checks will tell.
    std::vector<health::TargetId> all;
    for (const auto& target : targets)
        all.push_back(target.id);
    health_.set_targets(targets, all);
}

void Controller::serve_check_ways() {
    const auto served =
        dataplane_->check_ways().serve(check_places(targets_, next_hops_.interfaces()));
    auto problem = served ? std::string()
                          : "checks to virtual addresses do not work: " + served.error().message;
    if (problem == ways_problem_) return;
    ways_problem_ = std::move(problem);
    if (!served) log(Message::operation_failed, "{}", ways_problem_);
}

void Controller::track_next_hops() {
    auto servers = server_addresses(configuration_);
    servers.insert(kept_.begin(), kept_.end());
    if (servers == tracked_) return;
    const auto tracked = next_hops_.track(servers);
    complain("read next hops", tracked);
    if (tracked) tracked_ = std::move(servers);
}

void Controller::keep_next_hops_of(const dataplane::State& state) {
    kept_ = {state.kept.begin(), state.kept.end()};
    for (const auto& service : state.services) {
        for (const auto& server : service.servers)
            kept_.insert(server.key.address);
    }
    track_next_hops();
}

void Controller::request_reconcile() {
    if (reconcile_requested_ || withdrawn_) return;
    reconcile_requested_ = true;
    boost::asio::post(loop_, [this] {
        reconcile_requested_ = false;
        reconcile_now();
    });
}

void Controller::reconcile_after_verdicts() {
    if (verdicts_wait_ || reconcile_requested_ || withdrawn_) return;
    verdicts_wait_ = true;
    verdict_timer_.expires_at(pause_ends_);
    verdict_timer_.async_wait([this](const boost::system::error_code& error) {
        verdicts_wait_ = false;
        if (!error) request_reconcile();
    });
}

DesiredState Controller::desired() {
    const auto loads = loads_.view();
    seen_ = with_agents(health_.view(), loads);
    conditions_.look(configuration_, seen_, loads, Clock::now());
    return desired_state(configuration_, conditions_.circumstances(seen_), next_hops_.interfaces());
}

Result<ObservedState> Controller::observe(const DesiredState& desired) {
    auto state = dataplane_->observe();
    if (!state) return fail(state.error().within("reading the data plane"));
    auto addresses = addresses_.observe(desired.addresses);
    if (!addresses) return fail(addresses.error().within("reading addresses"));
    return ObservedState{std::move(*state), std::move(*addresses)};
}

void Controller::reconcile_now() {
    if (withdrawn_) return;
    const auto begin = Clock::now();
    bring_about();
    const auto end = Clock::now();
    pause_ends_ = end + std::min<Clock::duration>(end - begin, longest_pause);
}

void Controller::bring_about() {
    const auto wanted = desired();
    const auto observed = observe(wanted);
    auto& retry = executor_.retry();
    if (!observed) {
        if (retry.failed("observe", observed.error(), Clock::now())) {
            log(Message::operation_failed, "{}", observed.error().message);
        }
        schedule_retry();
        if (change_) settle_change(wanted);
        return;
    }
    retry.succeeded("observe");
    keep_next_hops_of(observed->dataplane);
    const auto operations = reconcile(wanted, *observed);
    const bool all = executor_.run(operations, reached_ == wanted);
    // Only now, when the devices have their hooks.
    serve_check_ways();
    reached_.reset();
    if (!all) {
        request_reconcile();
    } else if (retry.problems().empty()) {
        reached_ = wanted;
    }
    schedule_retry();
    schedule_slow_start();
    if (!moving_) move_connections();
    if (change_ && all) settle_change(wanted);
}

void Controller::move_connections() {
    const auto work = dataplane_->advance();
    if (!work) complain("move connections to another table", fail(work.error()));
    const bool was_moving = std::exchange(moving_, !work || *work != dataplane::Work::none);
    if (moving_ != was_moving) announce_move(*dataplane_, moving_);
    if (!moving_) return;
    const bool pauses = !work || *work == dataplane::Work::waiting;
    move_timer_.expires_after(pauses ? move_pause : std::chrono::milliseconds{0});
    move_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error && !withdrawn_) move_connections();
    });
}

void Controller::schedule_self_check() {
    self_check_timer_.expires_after(self_check_interval);
    self_check_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error || withdrawn_) return;
        check_surroundings();
        complain("read next hops", next_hops_.reload());
        note_edits();
        reconcile_now();
        schedule_self_check();
    });
}

void Controller::schedule_retry() {
    const auto due = executor_.retry().next_due();
    if (!due) return;
    retry_timer_.expires_at(*due);
    retry_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) reconcile_now();
    });
}

void Controller::check_surroundings() {
    auto found = sysctl_problems(configuration_, next_hops_.interfaces(),
                                 net::StateFile(state_file(options_.runtime_directory)));
    for (const auto& problem : found) {
        if (std::ranges::find(surroundings_, problem) == surroundings_.end()) {
            log(Message::sysctl_wrong, "{}", problem);
        }
    }
    surroundings_ = std::move(found);
}

void Controller::check_sweeper(std::int64_t age_ms) {
    const bool late = age_ms > late_sweeper_ms;
    if (late && !sweeper_late_) log(Message::sweeper_late, "it last ran {} ms ago", age_ms);
    sweeper_late_ = late;
}

Result<model::DirectorStatus> Controller::status() {
    const auto state = dataplane_->observe();
    if (!state) return fail(state.error());
    auto statistics = dataplane_->statistics();
    if (!statistics) return fail(statistics.error());

    model::DirectorStatus status;
    status.name = configuration_.global.name;
    status.version = options_.version;
    status.now_ms = wall_clock_ms();
    status.started_ms = started_ms_;
    status.adopted = dataplane_->adopted();
    status.configuration_file = options_.history->file();
    status.sweeper_age_ms = statistics->sweeper_age_ms;
    status.table = statistics->table;
    status.verdicts = std::move(statistics->verdicts);
    for (auto& verdict : status.verdicts)
        verdict.per_second = rates_.of_verdict(verdict.name);
    status.hooks = hook_status(*state);
    status.total = statistics->total;
    status.total_rates = rates_.total();
    const auto loads = loads_.view();
    status.virtual_servers = virtual_server_status(
        configuration_, {with_agents(health_.view(), loads), *state, *statistics, rates_,
                         conditions_.states().entries(), conditions_.quorums(), loads});
    status.problems = problems(*state, *statistics);
    return status;
}

std::vector<std::string> Controller::problems(const dataplane::State& state,
                                              const dataplane::Statistics& statistics) const {
    auto problems = executor_.retry().problems();
    std::ranges::copy(options_.history->problems(), std::back_inserter(problems));
    std::ranges::copy(surroundings_, std::back_inserter(problems));
    std::ranges::copy(conditions_.problems(), std::back_inserter(problems));
    std::ranges::copy(load_problems(loads_.view()), std::back_inserter(problems));
    if (!ways_problem_.empty()) problems.push_back(ways_problem_);
    if (statistics.sweeper_age_ms > late_sweeper_ms) {
        problems.push_back(fmt::format("connections do not expire: the sweeper last ran {} ms ago",
                                       statistics.sweeper_age_ms));
    }
    for (const auto& service : state.services) {
        for (const auto& server : service.servers) {
            const auto hop = next_hops_.find(server.key.address);
            if (hop && hop->interface_index != 0) continue;
            problems.push_back(fmt::format(
                "{} has no route to real server {} (or it is this director itself): its "
                "connections are dropped",
                service.key.to_string(), server.key.to_string()));
        }
    }
    return problems;
}

Result<dataplane::ConnectionPage> Controller::connections(const dataplane::ConnectionFilter& filter,
                                                          std::uint32_t from, std::uint32_t scan) {
    return dataplane_->connections(filter, from, scan);
}

Result<std::uint64_t> Controller::begin_trace(const dataplane::TraceFilter& filter) {
    return dataplane_->begin_trace(filter);
}

Result<dataplane::TracePage> Controller::read_trace(std::uint64_t trace) {
    return dataplane_->read_trace(trace);
}

void Controller::end_trace(std::uint64_t trace) {
    dataplane_->end_trace(trace);
}

Result<dataplane::Explanation> Controller::explain(const dataplane::PacketQuestion& question) {
    return dataplane_->explain(question);
}

Result<std::shared_ptr<const health::Transcript>> Controller::check_now(
    const health::TargetId& target) {
    return health_.check_now(target);
}

Result<void> Controller::stop() {
    withdrawn_ = true;
    self_check_timer_.cancel();
    statistics_timer_.cancel();
    retry_timer_.cancel();
    move_timer_.cancel();
    slow_start_timer_.cancel();
    verdict_timer_.cancel();
    trial_timer_.cancel();
    if (change_) end_change(refuse(ChangeRefused::Why::failed, "the director was stopped"));
    signals_.stop();
    announcements_.stop();
    events_.reset();
    health_.set_targets({}, {});
    loads_.stop();
    if (auto done = withdraw(); !done) {
        log(Message::operation_failed, "{}; `shoal stop` may be tried again", done.error().message);
        return done;
    }
    log(Message::director_withdrawn, "nothing of it is left in the kernel");
    on_stopped_();
    return {};
}

Result<void> Controller::withdraw() {
    // The addresses go first: no client shall reach a director that no longer balances. What fails
    // does not keep the rest in place.
    const auto addresses = addresses_.withdraw();
    const auto dataplane = dataplane_->withdraw();
    if (!addresses) return fail(addresses.error().within("withdrawing addresses"));
    if (!dataplane) return fail(dataplane.error().within("withdrawing the data plane"));
    return {};
}

}  // namespace shoal::director
