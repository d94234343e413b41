#include "net/netlink.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace shoal::net {
namespace {

// Larger than any answer: the kernel fills datagrams up to 32 KiB.
constexpr std::size_t receive_size = std::size_t{64} * 1024;
// A dump is repeated when the table changed under it (NLM_F_DUMP_INTR).
constexpr int dump_attempts = 10;

/// One request under construction.
template <class Fixed>
class Request {
  public:
    Request(std::uint16_t type, int flags) {
        header_ = mnl_nlmsg_put_header(buffer_.data());
        header_->nlmsg_type = type;
        header_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
        fixed_ = static_cast<Fixed*>(mnl_nlmsg_put_extra_header(header_, sizeof(Fixed)));
    }

    // Two of the members point into the third.
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    Fixed& fixed() { return *fixed_; }
    nlmsghdr* message() { return header_; }

    void put(std::uint16_t type, const Address& address) {
        const auto size = static_cast<std::size_t>(address.bit_length() / 8);
        mnl_attr_put(header_, type, size, address.bytes().data());
    }
    void put(std::uint16_t type, const std::string& text) {
        mnl_attr_put_strz(header_, type, text.c_str());
    }
    void put(std::uint16_t type, const ifa_cacheinfo& lifetimes) {
        mnl_attr_put(header_, type, sizeof lifetimes, &lifetimes);
    }
    void put_u8(std::uint16_t type, std::uint8_t value) { mnl_attr_put_u8(header_, type, value); }
    void put_u32(std::uint16_t type, std::uint32_t value) {
        mnl_attr_put_u32(header_, type, value);
    }

  private:
    alignas(nlmsghdr) std::array<std::byte, 512> buffer_{};
    nlmsghdr* header_ = nullptr;
    Fixed* fixed_ = nullptr;
};

/// Without it the director would use a virtual address as the source of its own connections, health
/// checks among them (RFC 6724, rule 3: avoid deprecated addresses). In seconds.
constexpr ifa_cacheinfo for_ever_but_never_preferred = {
    .ifa_prefered = 0, .ifa_valid = 0xffffffff, .cstamp = 0, .tstamp = 0};

unsigned char family_of(const Address& address) {
    return address.is_v6() ? AF_INET6 : AF_INET;
}

/// All ones behind the prefix; unset for /31, /32 and IPv6, which have no broadcast.
std::optional<Address> broadcast_of(const Prefix& prefix) {
    if (prefix.address.is_v6() || prefix.length > 30) return std::nullopt;
    const auto host_bits = htonl(0xffffffffU >> prefix.length);
    return Address::v4(prefix.address.v4_bits() | host_bits);
}

void fill(Request<ifaddrmsg>& request, const AddressRequest& address) {
    request.fixed().ifa_family = family_of(address.address.address);
    request.fixed().ifa_prefixlen = static_cast<std::uint8_t>(address.address.length);
    request.fixed().ifa_index = address.interface_index;
    request.put(IFA_LOCAL, address.address.address);
    request.put(IFA_ADDRESS, address.address.address);
    if (!address.address.address.is_v6() && !address.label.empty()) {
        request.put(IFA_LABEL, address.label);
    }
}

Error refusal(const Acknowledgement& answer, const std::string& doing) {
    auto error = system_error(doing, answer.error_number);
    if (!answer.text.empty()) error.message += fmt::format(" ({})", answer.text);
    return error;
}

/// The kernel's limit for IFA_LABEL; a longer one would not fit a request either.
bool fits(const std::string& label) {
    return label.size() < IFNAMSIZ;
}

std::string label_too_long(const std::string& label) {
    return fmt::format("the label \"{}\" has more than {} characters", label, IFNAMSIZ - 1);
}

bool means_no_route(int error_number) {
    // Nothing matches; unreachable; prohibit; blackhole.
    return error_number == ENETUNREACH || error_number == EHOSTUNREACH || error_number == EACCES ||
           error_number == EINVAL;
}

}  // namespace

void Netlink::CloseSocket::operator()(mnl_socket* socket) const {
    mnl_socket_close(socket);
}

Netlink::Netlink(mnl_socket* socket) : socket_(socket), buffer_(receive_size) {}

Result<Netlink> Netlink::open() {
    auto* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (socket == nullptr) return fail(system_error("opening a netlink socket", errno));
    Netlink netlink(socket);
    int on = 1;
    for (const int option : {NETLINK_EXT_ACK, NETLINK_CAP_ACK}) {
        if (mnl_socket_setsockopt(socket, option, &on, sizeof on) < 0) {
            return fail(system_error("setting up a netlink socket", errno));
        }
    }
    // The kernel answers within the call; this only guards the loop against a kernel that does not.
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
        return fail(system_error("binding a netlink socket", errno));
    }
    return netlink;
}

Result<Acknowledgement> Netlink::exchange(nlmsghdr* request, const Visit& visit) {
    request->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), request, request->nlmsg_len) < 0) {
        return fail(system_error("asking the kernel", errno));
    }
    return receive(sequence_, visit);
}

Result<Acknowledgement> Netlink::receive(std::uint32_t sequence, const Visit& visit) {
    bool changed_under_dump = false;
    while (true) {
        const auto size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return fail(system_error("reading the kernel's answer", errno));
        const auto datagram = Bytes(buffer_).first(static_cast<std::size_t>(size));
        for (const auto message : split_messages(datagram)) {
            nlmsghdr header{};
            std::memcpy(&header, message.data(), sizeof header);
            // Left over from a request whose answer could not be read to its end.
            if (header.nlmsg_seq != sequence) continue;
            changed_under_dump |= (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            auto answer = parse_acknowledgement(message);
            if (!answer) {
                visit(message);
                continue;
            }
            if (changed_under_dump && answer->error_number == 0) answer->error_number = EINTR;
            return std::move(*answer);
        }
    }
}

Result<void> Netlink::order(nlmsghdr* request, const std::string& doing) {
    const auto answer = exchange(request, [](Bytes) {});
    if (!answer) return fail(answer.error().within(doing));
    if (answer->error_number != 0) return fail(refusal(*answer, doing));
    return {};
}

template <class Event, class F>
Result<void> Netlink::dump(std::uint16_t type, unsigned char family, const std::string& doing,
                           F&& take) {
    for (int attempt = 1;; ++attempt) {
        std::vector<Event> events;
        // Every NETLINK_ROUTE header begins with the family; 16 bytes hold the largest of them.
        Request<ifinfomsg> request(type, NLM_F_DUMP);
        request.fixed().ifi_family = family;
        const auto answer = exchange(request.message(), [&](Bytes message) {
            auto event = parse_event(message);
            auto* wanted = event ? std::get_if<Event>(&*event) : nullptr;
            if (wanted != nullptr) events.push_back(std::move(*wanted));
        });
        if (!answer) return fail(answer.error().within(doing));
        if (answer->error_number == EINTR && attempt < dump_attempts) continue;
        if (answer->error_number != 0) return fail(refusal(*answer, doing));
        for (auto& event : events)
            take(std::move(event));
        return {};
    }
}

Result<std::vector<Link>> Netlink::links() {
    std::vector<Link> links;
    auto done = dump<LinkChanged>(RTM_GETLINK, AF_UNSPEC, "listing network interfaces",
                                  [&](LinkChanged&& seen) { links.push_back(seen.link); });
    if (!done) return fail(std::move(done.error()));
    return links;
}

Result<Link> Netlink::link(const std::string& name) {
    // The kernel refuses longer names with a sentence about netlink.
    if (name.empty() || name.size() >= IFNAMSIZ) {
        return fail(fmt::format("there is no network interface \"{}\"", name));
    }
    Request<ifinfomsg> request(RTM_GETLINK, NLM_F_ACK);
    request.put(IFLA_IFNAME, name);
    std::optional<Link> link;
    const auto answer = exchange(request.message(), [&](Bytes message) {
        const auto event = parse_event(message);
        const auto* seen = event ? std::get_if<LinkChanged>(&*event) : nullptr;
        if (seen != nullptr) link = seen->link;
    });
    if (!answer) return fail(answer.error().within("looking for network interface " + name));
    if (!link) return fail(fmt::format("there is no network interface \"{}\"", name));
    return *link;
}

Result<std::vector<InterfaceAddress>> Netlink::addresses() {
    std::vector<InterfaceAddress> addresses;
    auto done = dump<AddressChanged>(
        RTM_GETADDR, AF_UNSPEC, "listing addresses",
        [&](AddressChanged&& seen) { addresses.push_back(std::move(seen.address)); });
    if (!done) return fail(std::move(done.error()));
    return addresses;
}

Result<std::vector<Neighbour>> Netlink::neighbours() {
    std::vector<Neighbour> neighbours;
    auto done = dump<NeighbourChanged>(
        RTM_GETNEIGH, AF_UNSPEC, "listing neighbours",
        [&](NeighbourChanged&& seen) { neighbours.push_back(seen.neighbour); });
    if (!done) return fail(std::move(done.error()));
    return neighbours;
}

Result<std::optional<Route>> Netlink::route(const Address& destination) {
    std::optional<Route> route;
    auto done = look_up_route(destination, 0, [&](Bytes message) { route = parse_route(message); });
    if (!done) return fail(std::move(done.error()));
    return route;
}

Result<unsigned> Netlink::route_length(const Address& destination) {
    unsigned length = 0;
    auto done = look_up_route(destination, RTM_F_FIB_MATCH, [&](Bytes message) {
        length = parse_route_length(message).value_or(0);
    });
    if (!done) return fail(std::move(done.error()));
    return length;
}

Result<void> Netlink::look_up_route(const Address& destination, unsigned flags,
                                    const Visit& visit) {
    Request<rtmsg> request(RTM_GETROUTE, NLM_F_ACK);
    request.fixed().rtm_family = family_of(destination);
    request.fixed().rtm_dst_len = static_cast<unsigned char>(destination.bit_length());
    request.fixed().rtm_flags = flags;
    request.put(RTA_DST, destination);
    const auto doing = "looking up the route to " + destination.to_string();
    const auto answer = exchange(request.message(), visit);
    if (!answer) return fail(answer.error().within(doing));
    if (answer->error_number == 0 || means_no_route(answer->error_number)) return {};
    return fail(refusal(*answer, doing));
}

Result<std::set<std::uint32_t>> Netlink::advertised_route_interfaces() {
    const std::string doing = "listing the routes that routers advertise";
    for (int attempt = 1;; ++attempt) {
        std::set<std::uint32_t> interfaces;
        Request<rtmsg> request(RTM_GETROUTE, NLM_F_DUMP);
        request.fixed().rtm_family = AF_INET6;
        const auto answer = exchange(request.message(), [&](Bytes message) {
            for (const auto interface : parse_advertised_route(message))
                interfaces.insert(interface);
        });
        if (!answer) return fail(answer.error().within(doing));
        if (answer->error_number == EINTR && attempt < dump_attempts) continue;
        if (answer->error_number != 0) return fail(refusal(*answer, doing));
        return interfaces;
    }
}

Result<std::optional<Neighbour>> Netlink::neighbour(std::uint32_t interface_index,
                                                    const Address& address) {
    Request<ndmsg> request(RTM_GETNEIGH, NLM_F_ACK);
    request.fixed().ndm_family = family_of(address);
    request.fixed().ndm_ifindex = static_cast<int>(interface_index);
    request.put(NDA_DST, address);
    std::optional<Neighbour> neighbour;
    const auto doing = "looking up the neighbour " + address.to_string();
    const auto answer = exchange(request.message(), [&](Bytes message) {
        const auto event = parse_event(message);
        const auto* seen = event ? std::get_if<NeighbourChanged>(&*event) : nullptr;
        if (seen != nullptr) neighbour = seen->neighbour;
    });
    if (!answer) return fail(answer.error().within(doing));
    // No such entry; no such interface any more.
    if (answer->error_number == ENOENT || answer->error_number == ENODEV) return std::nullopt;
    if (answer->error_number != 0) return fail(refusal(*answer, doing));
    return neighbour;
}

Result<void> Netlink::add_address(const AddressRequest& address) {
    if (!fits(address.label)) return fail(label_too_long(address.label));
    Request<ifaddrmsg> request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    fill(request, address);
    if (const auto broadcast = broadcast_of(address.address)) {
        request.put(IFA_BROADCAST, *broadcast);
    }
    if (address.protocol != 0) request.put_u8(IFA_PROTO, address.protocol);
    if (address.address.address.is_v6()) {
        request.put_u32(IFA_FLAGS, IFA_F_NODAD);
        request.put(IFA_CACHEINFO, for_ever_but_never_preferred);
    }
    return order(request.message(), "adding address " + address.address.to_string());
}

Result<void> Netlink::remove_address(const AddressRequest& address) {
    if (!fits(address.label)) return fail(label_too_long(address.label));
    Request<ifaddrmsg> request(RTM_DELADDR, NLM_F_ACK);
    fill(request, address);
    const auto doing = "removing address " + address.address.to_string();
    const auto answer = exchange(request.message(), [](Bytes) {});
    if (!answer) return fail(answer.error().within(doing));
    const bool gone = answer->error_number == EADDRNOTAVAIL || answer->error_number == ENODEV;
    if (answer->error_number != 0 && !gone) return fail(refusal(*answer, doing));
    return {};
}

Result<void> Netlink::resolve_neighbour(std::uint32_t interface_index, const Address& address) {
    Request<ndmsg> request(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE);
    request.fixed().ndm_family = family_of(address);
    request.fixed().ndm_ifindex = static_cast<int>(interface_index);
    request.fixed().ndm_flags = NTF_USE;
    request.put(NDA_DST, address);
    return order(request.message(), "resolving the neighbour " + address.to_string());
}

}  // namespace shoal::net
