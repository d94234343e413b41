#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "dataplane/check_ways.h"
#include "health/check.h"
#include "health/health_view.h"
#include "health/lateness.h"
#include "model/configuration.h"
#include "net/address.h"

namespace shoal::health {

class ProgramRunner;

struct Target {
    TargetId id;
    /// What is checked, which may be elsewhere than where the packets go.
    net::Address address;
    /// 0 where the monitor's type needs none.
    std::uint16_t port = 0;
    model::Protocol protocol = model::Protocol::tcp;
    /// The real server's own; its address, port, protocol and times are already in the fields here.
    model::Monitor monitor;
    model::milliseconds service_timeout{};
    model::milliseconds reentry_time{};
    /// From the start of one check to the start of the next.
    model::milliseconds interval{};
    /// The longest that one check may last; above 0.
    model::milliseconds timeout{};
    /// Of its virtual server, for programs.
    net::Address virtual_address{};
    /// As Timing's.
    model::milliseconds flap_damping{};
    /// Set: the check goes to the virtual address; `address` is the real server's own then.
    std::optional<dataplane::ClientWay> way{};
    bool operator==(const Target&) const = default;
};

/// Checks every target on one Asio loop and reports when a verdict changes. Targets that ask the
/// same server the same question at the same pace share one check. A target whose monitor is not
/// enabled is up at once. Everything happens on the loop's thread, and the monitor must go before
/// the loop does.
class HealthMonitor {
  public:
    /// Called once for each change of a target's health, always from the loop and never from within
    /// set_targets; it may call set_targets itself. The view is already up to date then. A mere
    /// change of the reason is not reported.
    using OnChange = std::function<void(const TargetId&, const Verdict&)>;

    /// `programs`, which runs Sending programs, and `ways`, for checks to virtual addresses, must
    /// outlive the monitor; without them none of these can be asked.
    HealthMonitor(boost::asio::io_context& loop, OnChange on_change,
                  ProgramRunner* programs = nullptr, dataplane::CheckWays* ways = nullptr);
    ~HealthMonitor();

    /// Replaces the targets; one that did not change keeps its verdict and its timing, and so does
    /// one that is only checked otherwise. One with another address, port or protocol is new. A
    /// target of `assumed_up` that is new here begins as up instead of unknown (adoption: its
    /// server is in the pool already), and goes out by the rules for servers that are up. So does
    /// one whose server is up by the same question under another name: nobody goes out of service
    /// because it was renamed.
    void set_targets(const std::vector<Target>& targets, const std::vector<TargetId>& assumed_up);
    const HealthView& view() const;

    /// Something seen elsewhere (a refused or unanswered connection) makes a target that is up
    /// doubtful: it is checked at once, though not more often than every 100 ms. The usual rules
    /// decide what follows.
    void check_soon(const TargetId& target);

    /// Begins one check beside the others, which changes no verdict. The transcript grows from the
    /// loop until it has its result. Fails where the target is unknown or not checked.
    Result<std::shared_ptr<const Transcript>> check_now(const TargetId& target);

    /// How late checks began so far.
    const Lateness& lateness() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace shoal::health
