#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <vector>

#include "dataplane/dataplane.h"

namespace shoal::director {

/// Waits for what packets tell of real servers. Whoever sends many such packets gets one look at
/// them each pause, and no more of the loop's time.
class SignalWatch {
  public:
    using OnSignals = std::function<void(const std::vector<dataplane::Signal>&)>;

    /// `dataplane` must outlive it. `on_signals` is called from the loop.
    SignalWatch(boost::asio::io_context& loop, dataplane::Dataplane& dataplane,
                OnSignals on_signals);

    /// Fails where no descriptor is left.
    Result<void> start();
    void stop();

    static constexpr std::chrono::milliseconds pause{20};

  private:
    void wait();
    void take();

    dataplane::Dataplane& dataplane_;
    OnSignals on_signals_;
    boost::asio::posix::stream_descriptor descriptor_;
    boost::asio::steady_timer timer_;
};

}  // namespace shoal::director
