#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/plan.h"
#include "config/problem.h"
#include "dataplane/dataplane.h"
#include "director/administrative_states.h"
#include "health/check.h"
#include "health/health_view.h"
#include "model/health_report.h"
#include "model/status.h"

namespace shoal::director {

/// A real server as somebody names it.
struct TargetName {
    /// Unset: `real_server` is "VIRTUAL/REAL".
    std::optional<std::string> virtual_server{};
    std::string real_server;
    bool operator==(const TargetName&) const = default;
};

struct Refusal {
    /// There is no such real server, or more than one.
    bool unknown = false;
    std::string message{};
};

using PlanOrProblems = std::expected<config::Plan, std::vector<config::Problem>>;

/// What the API may ask of a running director. Implemented by Controller; all calls are made on
/// shoald's loop.
class Control {
  public:
    virtual ~Control() = default;

    virtual Result<model::DirectorStatus> status() = 0;
    virtual model::HealthReport health() = 0;
    virtual Result<dataplane::ConnectionPage> connections(const dataplane::ConnectionFilter& filter,
                                                          std::uint32_t from,
                                                          std::uint32_t scan) = 0;
    // As Dataplane's.
    virtual Result<std::uint64_t> begin_trace(const dataplane::TraceFilter& filter) = 0;
    virtual Result<dataplane::TracePage> read_trace(std::uint64_t trace) = 0;
    virtual void end_trace(std::uint64_t trace) = 0;
    virtual Result<dataplane::Explanation> explain(const dataplane::PacketQuestion& question) = 0;
    /// Changes a real server's administrative state and answers whose it was.
    virtual std::expected<health::TargetId, Refusal> set_state(const TargetName& name,
                                                               const StateOrder& order) = 0;
    /// As HealthMonitor's.
    virtual Result<std::shared_ptr<const health::Transcript>> check_now(
        const health::TargetId& target) = 0;
    /// What apply(text) would change, or every problem of the text. Changes nothing. An error: it
    /// cannot be said now.
    virtual Result<PlanOrProblems> plan(std::string_view text) = 0;
    /// Puts the configuration `text` in force and writes it to shoald's configuration file, or
    /// changes nothing and says every problem.
    virtual std::expected<void, std::vector<config::Problem>> apply(std::string_view text) = 0;
    /// Withdraws addresses, hooks, pins and sysctls, then ends shoald.
    virtual Result<void> stop() = 0;
};

}  // namespace shoal::director
