#include "net/netlink_events.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <utility>
#include <vector>

namespace shoal::net {
namespace {

constexpr std::size_t receive_size = std::size_t{64} * 1024;
// One turn of the loop reads at most this many datagrams, so that a storm of route changes does not
// hold up health checks.
constexpr int datagrams_at_once = 128;

constexpr std::array groups{RTNLGRP_LINK,        RTNLGRP_NEIGH,      RTNLGRP_IPV4_IFADDR,
                            RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
                            RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE,  RTNLGRP_NEXTHOP};

Result<mnl_socket*> open_subscribed(int receive_buffer) {
    auto* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (socket == nullptr) return fail(system_error("opening a netlink socket", errno));
    const int descriptor = mnl_socket_get_fd(socket);
    // FORCE needs CAP_NET_ADMIN; without it the system's limit for everybody holds.
    const auto size = sizeof receive_buffer;
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, size) < 0) {
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer, size);
    }
    bool ready = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0;
    for (int group : groups) {
        ready = ready &&
                mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0;
    }
    if (ready) return socket;
    const int reason = errno;
    mnl_socket_close(socket);
    return fail(system_error("subscribing to changes of the network", reason));
}

}  // namespace

class NetlinkEvents::Subscription : public std::enable_shared_from_this<Subscription> {
  public:
    Subscription(const boost::asio::any_io_executor& executor, mnl_socket* socket,
                 Handlers handlers)
        : socket_(socket),
          descriptor_(executor, mnl_socket_get_fd(socket)),
          handlers_(std::move(handlers)),
          buffer_(receive_size) {}

    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    ~Subscription() { close(); }

    void wait() {
        descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                               [self = shared_from_this()](const boost::system::error_code& error) {
                                   if (error || self->socket_ == nullptr) return;
                                   self->read();
                                   if (self->socket_ != nullptr) self->wait();
                               });
    }

    void close() {
        if (socket_ == nullptr) return;
        // The descriptor is libmnl's to close.
        descriptor_.release();
        mnl_socket_close(std::exchange(socket_, nullptr));
    }

  private:
    void read() {
        std::vector<NetlinkEvent> events;
        const bool drained = read_datagrams(events);
        if (!events.empty()) handlers_.changed(events);
        // Only now: what was queued is older than what was dropped.
        if (!drained || !lost_ || socket_ == nullptr) return;
        lost_ = false;
        handlers_.lost();
    }

    /// True once nothing is queued any more.
    bool read_datagrams(std::vector<NetlinkEvent>& events) {
        for (int count = 0; count < datagrams_at_once; ++count) {
            const auto size = mnl_socket_recvfrom(socket_, buffer_.data(), buffer_.size());
            if (size < 0 && errno == EAGAIN) return true;
            // ENOBUFS: the queue was full. ENOSPC: a datagram was cut.
            if (size < 0) {
                lost_ |= errno != EINTR;
                continue;
            }
            const auto datagram = Bytes(buffer_).first(static_cast<std::size_t>(size));
            for (const auto message : split_messages(datagram)) {
                if (auto event = parse_event(message)) events.push_back(std::move(*event));
            }
        }
        return false;
    }

    mnl_socket* socket_;
    boost::asio::posix::stream_descriptor descriptor_;
    Handlers handlers_;
    std::vector<std::byte> buffer_;
    bool lost_ = false;
};

NetlinkEvents::NetlinkEvents(std::shared_ptr<Subscription> subscription)
    : subscription_(std::move(subscription)) {}

NetlinkEvents& NetlinkEvents::operator=(NetlinkEvents&& other) noexcept {
    std::swap(subscription_, other.subscription_);
    return *this;
}

NetlinkEvents::~NetlinkEvents() {
    if (subscription_) subscription_->close();
}

Result<NetlinkEvents> NetlinkEvents::open(const boost::asio::any_io_executor& executor,
                                          Handlers handlers, int receive_buffer) {
    auto socket = open_subscribed(receive_buffer);
    if (!socket) return fail(std::move(socket.error()));
    auto subscription = std::make_shared<Subscription>(executor, *socket, std::move(handlers));
    subscription->wait();
    return NetlinkEvents(std::move(subscription));
}

}  // namespace shoal::net
