#pragma once

#include <sys/eventfd.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/bpf/descriptor.h"
#include "dataplane/dataplane.h"
#include "dataplane/fake/fake_check_ways.h"

namespace shoal::dataplane {

/// A data plane in memory with the semantics of the real ones, for tests of what drives them: it
/// records what is applied and refuses on demand.
class FakeDataplane : public Dataplane {
  public:
    /// The reason to refuse an operation with, or nothing to accept it.
    using Refusal = std::function<std::optional<std::string>(const Operation&)>;

    bool adopted() const override { return adopted_; }
    Result<State> observe() override;
    std::vector<Result<void>> apply_all(std::span<const Operation> operations) override;
    Result<void> set_next_hop(const net::Address& real_server, const NextHop& hop) override;
    void invalidate_client_next_hops() override { ++invalidations_; }
    /// What set_statistics() gave; without it every service of the state with counts of 0.
    Result<Statistics> statistics() override;
    /// What set_connections() gave, filtered; one cell per connection.
    Result<ConnectionPage> connections(const ConnectionFilter& filter, std::uint32_t from,
                                       std::uint32_t scan) override;
    /// One trace at a time, as in the real ones; shows what show() was given.
    Result<std::uint64_t> begin_trace(const TraceFilter& filter) override;
    Result<TracePage> read_trace(std::uint64_t trace) override;
    void end_trace(std::uint64_t trace) override;
    /// Knows no packets: the verdict is "foreign".
    Result<Explanation> explain(const PacketQuestion& question) override;
    int signal_descriptor() const override { return signal_descriptor_.get(); }
    std::vector<Signal> take_signals() override;
    FakeCheckWays& check_ways() override { return check_ways_; }
    Result<Work> advance() override;
    Result<void> withdraw() override;

    /// Operations that succeeded, in order.
    const std::vector<Operation>& applied() const { return applied_; }
    void forget_applied() { applied_.clear(); }
    const std::map<net::Address, NextHop>& next_hops() const { return next_hops_; }
    void signal(Signal signal);
    /// What advance() is to answer, call by call; then there is none.
    void set_work(std::vector<Work> work) { work_ = {work.rbegin(), work.rend()}; }
    std::size_t work_left() const { return work_.size(); }
    int invalidations() const { return invalidations_; }
    bool withdrawn() const { return withdrawn_; }

    void refuse(Refusal refusal) { refusal_ = std::move(refusal); }
    /// observe() fails with this text until it is cleared.
    void fail_observe(std::optional<std::string> reason) { observe_failure_ = std::move(reason); }
    void set_adopted(bool adopted) { adopted_ = adopted; }
    /// Drift: what somebody else did to the kernel's state.
    State& state() { return state_; }
    void set_statistics(Statistics statistics) { statistics_ = std::move(statistics); }
    void set_connections(std::vector<model::Connection> connections) {
        connections_ = std::move(connections);
    }
    void show(TracePage page) { shown_ = std::move(page); }

  private:
    bool has_service(const ConnectionFilter& filter, const model::Connection& connection) const;
    Result<void> apply_one(const Operation& operation, std::span<const Operation> later);

    State state_;
    FakeCheckWays check_ways_;
    std::vector<Operation> applied_;
    std::map<net::Address, NextHop> next_hops_;
    std::vector<model::Connection> connections_;
    std::optional<Statistics> statistics_;
    std::optional<std::string> observe_failure_;
    Refusal refusal_;
    /// The next one last.
    std::vector<Work> work_;
    /// An eventfd.
    Descriptor signal_descriptor_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    std::vector<Signal> signals_;
    int invalidations_ = 0;
    TracePage shown_;
    std::uint64_t trace_ = 0;
    bool traces_ = false;
    bool adopted_ = false;
    bool withdrawn_ = false;
};

}  // namespace shoal::dataplane
