#include "director/signal_watch.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

namespace shoal::director {

SignalWatch::SignalWatch(boost::asio::io_context& loop, dataplane::Dataplane& dataplane,
                         OnSignals on_signals)
    : dataplane_(dataplane), on_signals_(std::move(on_signals)), descriptor_(loop), timer_(loop) {}

Result<void> SignalWatch::start() {
    const int signals = dataplane_.signal_descriptor();
    if (signals < 0) return {};
    // A copy of its own: Asio closes what it holds.
    const int copy = ::fcntl(signals, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return fail(system_error("waiting for signals of the data plane", errno));
    descriptor_.assign(copy);
    wait();
    return {};
}

void SignalWatch::stop() {
    timer_.cancel();
    boost::system::error_code ignored;
    descriptor_.close(ignored);
}

void SignalWatch::wait() {
    descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                           [this](const boost::system::error_code& error) {
                               if (!error) take();
                           });
}

void SignalWatch::take() {
    on_signals_(dataplane_.take_signals());
    timer_.expires_after(pause);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) wait();
    });
}

}  // namespace shoal::director
