#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <span>

#include "base/result.h"
#include "net/netlink_messages.h"

namespace shoal::net {

/// Tells of every change of links, addresses, routes (with rules and next hop objects) and
/// neighbours, on the executor it was opened with. Closed by its destructor; no handler runs
/// afterwards. A handler may destroy it.
class NetlinkEvents {
  public:
    struct Handlers {
        /// Changes that came together, in the kernel's order, never empty. Of a burst the state in
        /// the event may be older than what the kernel would answer now.
        std::function<void(std::span<const NetlinkEvent>)> changed;
        /// The kernel dropped notifications: read everything again. Called after what was still
        /// queued has been given to `changed`.
        std::function<void()> lost;
    };
    static constexpr int default_receive_buffer = 4 * 1024 * 1024;

    /// `receive_buffer` in bytes, as SO_RCVBUF counts them.
    static Result<NetlinkEvents> open(const boost::asio::any_io_executor& executor,
                                      Handlers handlers,
                                      int receive_buffer = default_receive_buffer);
    NetlinkEvents(NetlinkEvents&&) noexcept = default;
    NetlinkEvents& operator=(NetlinkEvents&& other) noexcept;
    ~NetlinkEvents();

  private:
    class Subscription;
    explicit NetlinkEvents(std::shared_ptr<Subscription> subscription);
    std::shared_ptr<Subscription> subscription_;
};

}  // namespace shoal::net
