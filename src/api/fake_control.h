#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "director/control.h"

// For tests: a director that says what the test put into it.

namespace shoal::api::test {

class FakeControl : public director::Control {
  public:
    Result<model::DirectorStatus> status() override {
        if (!failure.empty()) return fail(failure);
        return current;
    }

    model::HealthReport health() override { return report; }

    std::expected<director::RingAnswer, director::Refusal> rings(
        const director::RingQuestion& question) override {
        if (!failure.empty())
            return std::unexpected(director::Refusal{.unknown = unknown, .message = failure});
        ring_questions.push_back(question);
        return ring;
    }
    telemetry::EventLog& events() override { return event_log; }

    Result<dataplane::ConnectionPage> connections(const dataplane::ConnectionFilter& filter,
                                                  std::uint32_t from, std::uint32_t scan) override {
        if (!failure.empty()) return fail(failure);
        filters.push_back(filter);
        scans.push_back(scan);
        dataplane::ConnectionPage page;
        const std::uint64_t end = std::uint64_t{from} + scan;
        for (auto cell = cells.lower_bound(from); cell != cells.end() && cell->first < end; ++cell)
            page.connections.push_back(cell->second);
        if (end < table_size) page.next = static_cast<std::uint32_t>(end);
        return page;
    }

    Result<std::uint64_t> begin_trace(const dataplane::TraceFilter& filter) override {
        if (tracing) return fail("somebody else traces now");
        tracing = true;
        trace_filters.push_back(filter);
        return 7;
    }
    Result<dataplane::TracePage> read_trace(std::uint64_t trace) override {
        if (!tracing || trace != 7) return fail("this trace has ended");
        return std::exchange(trace_page, {});
    }
    void end_trace(std::uint64_t /*trace*/) override { tracing = false; }
    Result<dataplane::Explanation> explain(const dataplane::PacketQuestion& question) override {
        if (!failure.empty()) return fail(failure);
        questions.push_back(question);
        return explanation;
    }

    std::expected<health::TargetId, director::Refusal> set_state(
        const director::TargetName& name, const director::StateOrder& order) override {
        if (!failure.empty())
            return std::unexpected(director::Refusal{.unknown = unknown, .message = failure});
        orders.emplace_back(name, order);
        return health::TargetId{"web", "web-1"};
    }

    Result<std::shared_ptr<const health::Transcript>> check_now(
        const health::TargetId& target) override {
        if (!failure.empty()) return fail(failure);
        checked.push_back(target);
        return transcript;
    }

    Result<director::PlanOrProblems> plan(std::string_view text) override {
        if (!failure.empty()) return fail(failure);
        if (!problems.empty()) return director::PlanOrProblems(std::unexpected(problems));
        planned.emplace_back(text);
        return director::PlanOrProblems(next_plan);
    }

    std::expected<model::Configuration, std::vector<config::Problem>> validate(
        std::string_view /*text*/) override {
        if (!problems.empty()) return std::unexpected(problems);
        return model::Configuration{};
    }

    void apply(director::ChangeRequest request, director::OnChanged on_changed) override {
        applied.push_back(request.text);
        requests.push_back(std::move(request));
        if (changes_later)
            changing = std::move(on_changed);
        else
            on_changed(change);
    }
    void reload(const config::Author& author, director::OnChanged on_changed) override {
        apply({.text = "the file", .author = author}, std::move(on_changed));
    }
    director::ChangeResult confirm() override { return change; }
    director::ChangeResult revert() override { return change; }
    director::RevisionList revisions() override { return known_revisions; }
    Result<config::Revision> revision(std::uint64_t number) override {
        if (number == 0) number = known_revisions.standing.in_force;
        for (const auto& head : known_revisions.heads)
            if (head.number == number) return config::Revision{head, "text " + head.comment};
        return fail("there is no such revision");
    }
    Result<std::string> configuration_file() override { return "the file"; }
    Result<std::optional<config::Revision>> draft(const std::string& user) override {
        const auto kept = drafts.find(user);
        return kept == drafts.end() ? std::nullopt : std::optional(kept->second);
    }
    Result<void> keep_draft(const config::Author& author, std::string text,
                            std::optional<std::uint64_t> base) override {
        drafts[author.user] = {{.number = base.value_or(7), .author = author}, std::move(text)};
        return {};
    }
    Result<void> remove_draft(const std::string& user) override {
        drafts.erase(user);
        return {};
    }
    model::RevisionStatus revision_status() override { return revision_state; }
    director::AuditReading audit() override { return reading; }
    void note(director::AuditRecord record) override { notes.push_back(std::move(record)); }

    Result<void> stop() override {
        if (!failure.empty()) return fail(failure);
        ++stops;
        return {};
    }

    model::DirectorStatus current;
    model::HealthReport report;
    director::RingAnswer ring;
    telemetry::EventLog event_log{5, {.events = 100, .readers = 5}};
    /// By cell.
    std::map<std::uint32_t, model::Connection> cells;
    std::uint32_t table_size = 1U << 20;
    bool tracing = false;
    dataplane::TracePage trace_page;
    dataplane::Explanation explanation;
    std::shared_ptr<health::Transcript> transcript = std::make_shared<health::Transcript>();
    /// Not empty: calls fail with it.
    std::string failure;
    /// What failed was the name of a real server.
    bool unknown = false;
    /// What validate() finds.
    std::vector<config::Problem> problems;
    config::Plan next_plan;
    /// What changes end with, and whether the test calls `changing` for that.
    director::ChangeResult change{director::Changed{.revision = {.number = 1}}};
    bool changes_later = false;
    director::OnChanged changing;
    director::RevisionList known_revisions;
    model::RevisionStatus revision_state;
    director::AuditReading reading;
    std::map<std::string, config::Revision> drafts;

    // What was asked.
    std::vector<director::RingQuestion> ring_questions;
    std::vector<dataplane::ConnectionFilter> filters;
    std::vector<std::uint32_t> scans;
    std::vector<dataplane::TraceFilter> trace_filters;
    std::vector<dataplane::PacketQuestion> questions;
    std::vector<std::pair<director::TargetName, director::StateOrder>> orders;
    std::vector<health::TargetId> checked;
    std::vector<std::string> planned;
    std::vector<std::string> applied;
    std::vector<director::ChangeRequest> requests;
    std::vector<director::AuditRecord> notes;
    int stops = 0;
};

inline model::Connection connection_from(const std::string& client, std::uint16_t port) {
    return {.client = *net::Address::parse(client),
            .client_port = port,
            .virtual_address = *net::Address::parse("192.0.2.80"),
            .virtual_port = 80,
            .real_address = *net::Address::parse("10.11.12.1"),
            .real_port = 8080,
            .state = "ESTABLISHED",
            .active = true,
            .expires_in_ms = 899'000};
}

/// A director whose connection table is full. Many connections, without holding them.
class FullTable : public FakeControl {
  public:
    explicit FullTable(std::uint32_t cells) { table_size = cells; }

    Result<dataplane::ConnectionPage> connections(const dataplane::ConnectionFilter& /*filter*/,
                                                  std::uint32_t from, std::uint32_t scan) override {
        dataplane::ConnectionPage page;
        const auto end = from + std::min(scan, table_size - from);
        page.connections.assign(end - from, connection_from("192.0.2.7", 40000));
        for (auto cell = from; cell < end; ++cell)
            page.connections[cell - from].expires_in_ms = cell;
        if (end < table_size) page.next = end;
        most_at_once = std::max<std::uint32_t>(most_at_once, end - from);
        given += end - from;
        return page;
    }

    /// The longest piece, and all connections given so far.
    std::atomic<std::uint32_t> most_at_once = 0;
    std::atomic<std::uint32_t> given = 0;
};

/// One virtual server with a real server that is up and one that is down.
inline model::VirtualServerStatus example_virtual_server(std::int64_t now_ms) {
    const model::Counters counters{1'234'567, 98'765'432, 87'654'321, 7'654'321'098,
                                   987'654'321'012};
    const model::Rates rates{12, 1'234, 1'100, 98'765, 12'345'678};
    model::RealServerStatus up;
    up.name = "web-1";
    up.address = *net::Address::parse("10.11.12.1");
    up.port = 80;
    up.weight = 1;
    up.weight_in_force = 1;
    up.health = model::Health::up;
    up.since_ms = now_ms - 240'000;
    up.in_pool = true;
    up.active_connections = 12;
    up.inactive_connections = 3;
    up.counters = counters;
    up.rates = rates;

    model::RealServerStatus down;
    down.name = "web-2";
    down.address = *net::Address::parse("10.11.12.2");
    down.port = 80;
    down.method = model::ForwardingMethod::direct;
    down.weight = 1;
    down.health = model::Health::down;
    down.reason = "connection refused";
    down.since_ms = now_ms - 5'000;

    model::VirtualServerStatus service;
    service.name = "web";
    service.active = true;
    service.address = *net::Prefix::parse("192.0.2.80/24");
    service.port = 80;
    service.scheduler = model::Scheduler::wlc;
    service.device = "wan0:1";
    service.counters = counters;
    service.rates = rates;
    service.real_servers = {up, down};
    return service;
}

inline model::DirectorStatus example_status() {
    model::DirectorStatus status;
    status.name = "director-1";
    status.version = "0.1.0";
    status.now_ms = 1'800'000'360'000;
    status.started_ms = 1'800'000'000'000;
    status.adopted = true;
    status.configuration_file = "/etc/shoal/shoal.toml";
    status.sweeper_age_ms = 12;
    status.table = {1048576, 15, 1, std::uint64_t{96} << 20};
    status.virtual_servers = {example_virtual_server(status.now_ms)};
    status.total = status.virtual_servers[0].counters;
    status.total_rates = status.virtual_servers[0].rates;
    status.hooks = {{"wan0", "xdp", "native XDP on every output device"},
                    {"lan0", "tc", "veth sends packets in bulk"}};
    status.verdicts = {{"forwarded", "sent to a real server", 98'765'432},
                       {"table_full", "dropped: new connection, but the table is full", 7},
                       {"no_route", "dropped: no route to the real server or client", 0}};
    status.problems = {"net.ipv4.ip_forward is 0; NAT needs 1"};
    return status;
}

/// One target that is well, one that is not, and a disabled one.
inline model::HealthReport example_health() {
    model::TargetHealth well;
    well.virtual_server = "web";
    well.real_server = "web-1";
    well.address = *net::Address::parse("10.11.12.1");
    well.port = 80;
    well.check = model::MonitorType::http;
    well.health = model::Health::up;
    well.since_ms = 1'800'000'000'000;
    well.heard = "HTTP/1.1 200 OK\\r\\n";
    well.checks = 180;
    well.last_check_ms = 1'800'000'359'000;
    well.latency_us = 412;
    well.next_check_ms = 1'800'000'361'000;
    auto down = well;
    down.real_server = "web-2";
    down.address = *net::Address::parse("10.11.12.2");
    down.state = model::AdministrativeState::maintenance;
    down.health = model::Health::down;
    down.reason = "connection refused";
    down.heard.clear();
    auto disabled = well;
    disabled.virtual_server = "mail";
    disabled.real_server = "mail-1";
    disabled.check = model::MonitorType::smtp;
    disabled.state = model::AdministrativeState::disabled;
    disabled.health = model::Health::unknown;
    disabled.since_ms = disabled.last_check_ms = disabled.next_check_ms = 0;
    disabled.heard.clear();
    return {1'800'000'360'000, {well, down, disabled}};
}

}  // namespace shoal::api::test
