#pragma once

#include <cstdint>
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
#include "director/audit_format.h"
#include "director/change.h"
#include "director/records.h"
#include "health/check.h"
#include "health/health_view.h"
#include "model/health_report.h"
#include "model/revision_status.h"
#include "model/status.h"

namespace shoal::director {

/// A real server as somebody names it.
struct TargetName {
    /// Unset: `real_server` is "VIRTUAL/REAL".
    std::optional<std::string> virtual_server{};
    std::string real_server;
    bool operator==(const TargetName&) const = default;
};

struct RevisionList {
    /// Oldest first.
    std::vector<config::RevisionHead> heads{};
    config::Standing standing{};
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
    /// How counters went. Whose they are is watched for some minutes from now on.
    virtual std::expected<RingAnswer, Refusal> rings(const RingQuestion& question) = 0;
    /// What happened. Lives as long as the director.
    virtual telemetry::EventLog& events() = 0;
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
    /// The configuration that `text` says, against the devices of this machine, or every problem.
    virtual std::expected<model::Configuration, std::vector<config::Problem>> validate(
        std::string_view text) = 0;
    /// Puts a configuration in force as a whole, records it as a revision, and writes it to
    /// shoald's configuration file; or leaves, or puts again in force, what was before.
    virtual void apply(ChangeRequest request, OnChanged on_changed) = 0;
    /// Applies the configuration file, which somebody edited.
    virtual void reload(const config::Author& author, OnChanged on_changed) = 0;
    /// Ends the trial of the revision in force: it stays.
    virtual ChangeResult confirm() = 0;
    /// Ends the trial: the former revision is in force again.
    virtual ChangeResult revert() = 0;
    virtual RevisionList revisions() = 0;
    virtual model::RevisionStatus revision_status() = 0;
    /// `number` 0: the one in force.
    virtual Result<config::Revision> revision(std::uint64_t number) = 0;
    /// As it is now, which may be edited.
    virtual Result<std::string> configuration_file() = 0;
    /// What a user wrote and did not apply yet, as Drafts; unset: nothing.
    virtual Result<std::optional<config::Revision>> draft(const std::string& user) = 0;
    /// `base`: the revision that it was begun with; unset: that of the present draft, or else the
    /// one in force.
    virtual Result<void> keep_draft(const config::Author& author, std::string text,
                                    std::optional<std::uint64_t> base) = 0;
    virtual Result<void> remove_draft(const std::string& user) = 0;
    /// Who changed what.
    virtual AuditReading audit() = 0;
    /// Adds what a request did, or that it was refused.
    virtual void note(AuditRecord record) = 0;
    /// Withdraws addresses, hooks, pins and sysctls, then ends shoald.
    virtual Result<void> stop() = 0;
};

}  // namespace shoal::director
