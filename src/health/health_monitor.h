#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "health/health_view.h"
#include "model/configuration.h"
#include "net/address.h"

namespace shoal::health {

struct Target {
    TargetId id;
    net::Address address;
    std::uint16_t port = 0;
    model::Protocol protocol = model::Protocol::tcp;
    model::Monitor monitor;
    model::milliseconds service_timeout{};
    model::milliseconds reentry_time{};
    /// From the start of one check to the start of the next.
    model::milliseconds interval{};
    /// The longest that one check may last; above 0.
    model::milliseconds timeout{};
    bool operator==(const Target&) const = default;
};

/// Checks every target on one Asio loop and reports when a verdict changes. A target whose monitor
/// is not enabled is up at once. Everything happens on the loop's thread, and the monitor must go
/// before the loop does.
class HealthMonitor {
  public:
    /// Called once for each change of a target's health, always from the loop and never from within
    /// set_targets; it may call set_targets itself. The view is already up to date then. A mere
    /// change of the reason is not reported.
    using OnChange = std::function<void(const TargetId&, const Verdict&)>;

    HealthMonitor(boost::asio::io_context& loop, OnChange on_change);
    ~HealthMonitor();

    /// Replaces the targets; one that did not change keeps its verdict and its timing, and so does
    /// one that is only checked otherwise. One with another address, port or protocol is new. A
    /// target of `assumed_up` that is new here begins as up instead of unknown (adoption: its
    /// server is in the pool already), and goes out by the rules for servers that are up. So does
    /// one whose server is up by the same question under another name: nobody goes out of service
    /// because it was renamed.
    void set_targets(const std::vector<Target>& targets, const std::vector<TargetId>& assumed_up);
    const HealthView& view() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace shoal::health
