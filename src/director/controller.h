#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dataplane/dataplane.h"
#include "director/audit_log.h"
#include "director/conditions.h"
#include "director/control.h"
#include "director/executor.h"
#include "director/history.h"
#include "director/loads.h"
#include "director/rates.h"
#include "director/records.h"
#include "director/signal_watch.h"
#include "director/targets.h"
#include "health/health_monitor.h"
#include "model/configuration.h"
#include "net/netlink_events.h"
#include "net/next_hops.h"
#include "net/state_file.h"
#include "redundancy/announcements.h"
#include "redundancy/floating_addresses.h"
#include "telemetry/notifier.h"

namespace shoal::director {

struct ControllerOptions {
    /// Of the configurations; must outlive the controller.
    History* history = nullptr;
    /// Remembers for ever what administrators ordered, and what loads and agents came to.
    std::string state_directory;
    /// Remembers until the machine boots again which sysctls and addresses are to be put back.
    std::string runtime_directory;
    std::string version;
    /// Both must outlive the controller. Null: nobody runs programs, nobody is told but the log.
    health::ProgramRunner* programs = nullptr;
    telemetry::Notifier* notifier = nullptr;
    /// Must outlive it too. Null: nothing is kept of who changed what.
    AuditLog* audit = nullptr;
};

/// Where, in the runtime directory, it stands what `shoal stop` must put back.
std::string state_file(const std::string& runtime_directory);
/// And in the state directory, what administrators ordered (administrative_states.h).
std::string orders_file(const std::string& state_directory);
/// And what loads and agents made of the weights (loads_text.h).
std::string loads_file(const std::string& state_directory);

/// Reads shoal.toml against the devices that this machine has.
std::expected<model::Configuration, std::vector<config::Problem>> read_configuration(
    std::string_view text, net::Netlink& netlink);

/// The director's loop: keeps the kernel as the configuration and the checks want it. Everything
/// that happens (an edit, a verdict, a link, a timer) ends in the same reconciliation.
class Controller final : public Control {
  public:
    /// `on_stopped` is called once the director has withdrawn itself.
    Controller(boost::asio::io_context& loop, ControllerOptions options, net::Netlink netlink,
               std::unique_ptr<dataplane::Dataplane> dataplane, std::function<void()> on_stopped);

    /// Puts a configuration in force and begins to check, to watch and to repair.
    Result<void> start(Beginning beginning);

    Result<model::DirectorStatus> status() override;
    model::HealthReport health() override;
    std::expected<RingAnswer, Refusal> rings(const RingQuestion& question) override;
    telemetry::EventLog& events() override;
    Result<dataplane::ConnectionPage> connections(const dataplane::ConnectionFilter& filter,
                                                  std::uint32_t from, std::uint32_t scan) override;
    Result<std::uint64_t> begin_trace(const dataplane::TraceFilter& filter) override;
    Result<dataplane::TracePage> read_trace(std::uint64_t trace) override;
    void end_trace(std::uint64_t trace) override;
    Result<dataplane::Explanation> explain(const dataplane::PacketQuestion& question) override;
    std::expected<health::TargetId, Refusal> set_state(const TargetName& name,
                                                       const StateOrder& order) override;
    Result<std::shared_ptr<const health::Transcript>> check_now(
        const health::TargetId& target) override;
    Result<PlanOrProblems> plan(std::string_view text) override;
    std::expected<model::Configuration, std::vector<config::Problem>> validate(
        std::string_view text) override;
    void apply(ChangeRequest request, OnChanged on_changed) override;
    void reload(const config::Author& author, OnChanged on_changed) override;
    ChangeResult confirm() override;
    ChangeResult revert() override;
    RevisionList revisions() override;
    model::RevisionStatus revision_status() override;
    Result<config::Revision> revision(std::uint64_t number) override;
    Result<std::string> configuration_file() override;
    Result<std::optional<config::Revision>> draft(const std::string& user) override;
    Result<void> keep_draft(const config::Author& author, std::string text,
                            std::optional<std::uint64_t> base) override;
    Result<void> remove_draft(const std::string& user) override;
    AuditReading audit() override;
    void note(AuditRecord record) override;
    Result<void> stop() override;

  private:
    void put_in_force(model::Configuration configuration);
    void set_check_targets();
    /// Checks to virtual addresses go where the real servers are now.
    void serve_check_ways();
    /// Why a change cannot begin now.
    std::expected<void, ChangeRefused> admit(const ChangeRequest& request);
    ChangeRefused conflict_with(const ChangeRequest& request);
    void begin_change(ChangeRequest request, model::Configuration configuration,
                      config::RevisionHead revision, OnChanged on_changed);
    /// All operations towards `wanted` were tried.
    void settle_change(const DesiredState& wanted);
    /// What of the change failed, or is not in the kernel; one sentence each.
    std::vector<std::string> failures_of_change(const DesiredState& wanted);
    void complete_change();
    void roll_back_change(std::vector<std::string> failures);
    void end_change(ChangeResult result);
    void forget_former();
    void schedule_end_of_trial();
    void note_edits();
    void track_next_hops();
    /// Also servers that the configuration no longer has, for the connections that go on.
    void keep_next_hops_of(const dataplane::State& state);
    Result<void> watch_kernel();
    void kernel_changed(std::span<const net::NetlinkEvent> events);
    void next_hop_changed(const net::Address& real_server, const net::NextHop& hop);
    void signals_came(const std::vector<dataplane::Signal>& signals);
    void verdict_changed(const health::TargetId& id, const health::Verdict& verdict);
    /// Changes of states whose time has come, by the connections that are counted now.
    void advance_states(const dataplane::Statistics& statistics);
    /// Tells of the change, and of a failure that was kept quiet during maintenance.
    void state_changed(const StateChange& change);
    void agent_changed(const health::TargetId& id, health::AgentState before,
                       const health::TargetLoad& now);
    /// As the checks and its agent have it.
    health::Verdict verdict_of(const health::TargetId& id, const health::LoadView& loads) const;
    void tell(const Event& event);
    /// Something that is in the log of events alone.
    void record(std::string_view kind, const std::string& text);
    /// Reconciles soon, once, however many changes ask for it before.
    void request_reconcile();
    /// Reconciles after verdicts. Whoever tells of them, the checks above all, first gets as much
    /// time as the reconciliation before took: thousands of failures in one second would else wait
    /// for one reconciliation after each few of them.
    void reconcile_after_verdicts();
    void reconcile_now();
    /// What reconciliation consists of.
    void bring_about();
    /// What the kernel holds; addresses of `desired` that the administrator holds count as there.
    Result<ObservedState> observe(const DesiredState& desired);
    void note_link(const net::LinkChanged& change);
    /// Looks at what decides about who serves, and says what the kernel should hold.
    DesiredState desired();
    /// What is wrong now, one sentence each.
    std::vector<std::string> problems(const dataplane::State& state,
                                      const dataplane::Statistics& statistics) const;
    Result<void> withdraw();
    /// Goes on with the connections that move to another table, until none is left.
    void move_connections();
    void schedule_self_check();
    void schedule_retry();
    /// While weights change with time.
    void schedule_slow_start();
    void check_surroundings();
    /// Now, and each second if that costs little: what rings, rates and the sweeper's alarm come
    /// from.
    void read_statistics();
    void check_sweeper(std::int64_t age_ms);

    boost::asio::io_context& loop_;
    ControllerOptions options_;
    std::unique_ptr<dataplane::Dataplane> dataplane_;
    std::function<void()> on_stopped_;
    redundancy::FloatingAddresses addresses_;
    redundancy::Announcements announcements_;
    Executor executor_;
    Conditions conditions_;
    health::HealthMonitor health_;
    SignalWatch signals_;
    SignalIndex signal_index_;
    Loads loads_;
    /// What the checks and the agents said at the last look.
    health::HealthView seen_;
    net::Netlink netlink_;
    net::NextHops next_hops_;
    std::optional<net::NetlinkEvents> events_;
    boost::asio::steady_timer self_check_timer_;
    boost::asio::steady_timer statistics_timer_;
    boost::asio::steady_timer retry_timer_;
    boost::asio::steady_timer move_timer_;
    boost::asio::steady_timer slow_start_timer_;
    boost::asio::steady_timer verdict_timer_;
    /// The end of the pause after the last reconciliation.
    TimePoint pause_ends_{};
    bool verdicts_wait_ = false;
    boost::asio::steady_timer trial_timer_;
    bool moving_ = false;
    bool reconcile_requested_ = false;
    bool withdrawn_ = false;
    model::Configuration configuration_;
    std::vector<health::Target> targets_;
    /// What is wrong with the ways of checks to virtual addresses; empty: nothing.
    std::string ways_problem_;
    /// What may be put in force again: during a change, and while one is on trial.
    std::optional<model::Configuration> former_;
    std::optional<RunningChange> change_;
    bool edit_is_told_ = false;
    /// Addresses of servers that the data plane sends packets to.
    std::set<net::Address> kept_;
    std::set<net::Address> tracked_;
    RateTable rates_;
    Records records_;
    ReadingPace pace_;
    /// What was wanted when the kernel last held all of it. While that is still what is wanted,
    /// every difference is somebody else's doing.
    std::optional<DesiredState> reached_;
    /// Wrong sysctls, as the last look around found them.
    std::vector<std::string> surroundings_;
    bool sweeper_late_ = false;
    /// Devices whose link works, to notice when one comes back.
    std::set<std::string> devices_up_;
    std::int64_t started_ms_ = 0;
};

}  // namespace shoal::director
