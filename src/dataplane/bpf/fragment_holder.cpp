#include "dataplane/bpf/fragment_holder.h"

#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "net/sysctl.h"

namespace shoal::dataplane {

namespace {

constexpr int most_bytes = 65521;          // the largest MTU a TAP device takes
constexpr int no_addresses = 1;            // IN6_ADDR_GEN_MODE_NONE
constexpr std::size_t frames_a_turn = 64;  // then the held ones get their turn

ifreq request_for_device() {
    ifreq request{};
    std::strncpy(request.ifr_name, FragmentHolder::device_name, IFNAMSIZ - 1);
    return request;
}

Result<Descriptor> make_device() {
    Descriptor tap(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!tap) return fail(system_error("opening /dev/net/tun", errno));
    ifreq request = request_for_device();
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(tap.get(), TUNSETIFF, &request) != 0) {
        return fail(system_error("making the device shoal-fragments", errno));
    }
    return tap;
}

Result<void> bring_up() {
    // It is no party on any network: no address, no router solicitation. Where this fails (a kernel
    // without IPv6 has no such setting), the kernel talks to nobody.
    static_cast<void>(net::write_sysctl(
        net::ipv6_device_sysctl(FragmentHolder::device_name, "addr_gen_mode"), no_addresses));
    const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail(system_error("opening a socket", errno));
    ifreq request = request_for_device();
    request.ifr_mtu = most_bytes;
    if (::ioctl(socket.get(), SIOCSIFMTU, &request) != 0) {
        return fail(system_error("setting the MTU of shoal-fragments", errno));
    }
    request = request_for_device();
    request.ifr_flags = IFF_UP;
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
        return fail(system_error("bringing up shoal-fragments", errno));
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<FragmentHolder>> FragmentHolder::start(HeldFragments::IsKnown is_known) {
    auto tap = make_device();
    if (!tap) return fail(tap.error());
    if (auto up = bring_up(); !up) return fail(up.error());
    auto device = find_device(device_name);
    if (!device) return fail(device.error());
    Descriptor stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!stop) return fail(system_error("making an eventfd", errno));
    return std::unique_ptr<FragmentHolder>(new FragmentHolder(
        std::move(*tap), std::move(stop), std::move(*device), std::move(is_known)));
}

FragmentHolder::FragmentHolder(Descriptor tap, Descriptor stop, Device device,
                               HeldFragments::IsKnown is_known)
    : tap_(std::move(tap)),
      stop_(std::move(stop)),
      device_(std::move(device)),
      is_known_(std::move(is_known)),
      thread_([this] { run(); }) {}

FragmentHolder::~FragmentHolder() {
    ::eventfd_write(stop_.get(), 1);
}

void FragmentHolder::run() {
    while (wait()) {
        receive();
        send_back();
    }
}

bool FragmentHolder::wait() const {
    using std::chrono::milliseconds;
    int timeout = -1;
    if (const auto next = held_.next()) {
        const auto left = *next - HeldFragments::Clock::now();
        timeout = static_cast<int>(std::max(std::chrono::ceil<milliseconds>(left).count(), 0L));
    }
    // Where no more can be held, the device's own queue fills, and then the kernel drops them.
    const short wanted = held_.full() ? 0 : POLLIN;
    pollfd events[] = {{tap_.get(), wanted, 0}, {stop_.get(), POLLIN, 0}};
    ::poll(&events[0], std::size(events), timeout);
    return events[1].revents == 0 && (events[0].revents & (POLLERR | POLLNVAL)) == 0;
}

void FragmentHolder::receive() {
    std::array<std::byte, most_bytes + 64> buffer;
    for (std::size_t i = 0; i < frames_a_turn && !held_.full(); ++i) {
        const ssize_t bytes = ::read(tap_.get(), buffer.data(), buffer.size());
        if (bytes <= 0) return;
        const auto frame = std::span(buffer).first(static_cast<std::size_t>(bytes));
        held_.add({frame.begin(), frame.end()}, HeldFragments::Clock::now());
    }
}

void FragmentHolder::send_back() {
    auto frames = held_.take(HeldFragments::Clock::now(), is_known_);
    ifreq request{};
    // Asked for each time: udev gives the device a MAC address of its own some time after it is
    // made.
    if (frames.empty() || ::ioctl(tap_.get(), SIOCGIFHWADDR, &request) != 0) return;
    for (auto& frame : frames) {
        // For a frame to another MAC address the packet path does nothing.
        std::memcpy(frame.data(), &request.ifr_hwaddr.sa_data[0], ETH_ALEN);
        // One that the kernel does not take is lost, as a fragment may be.
        static_cast<void>(!::write(tap_.get(), frame.data(), frame.size()));
    }
}

}  // namespace shoal::dataplane
