#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// For tests only: real network namespaces, so that the kernel itself is what is tested against.
// They have no name and vanish with the test. Needs root.

namespace shoal::net::testing {

/// Waits for a condition, at most ten seconds.
template <class Condition>
bool eventually(Condition&& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

/// Runs a shell command in the namespace that was entered last.
inline void run(const std::string& command) {
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

/// Of the calling thread and of the programs it starts; /proc/sys/net follows it.
class Namespace {
  public:
    /// A new one, entered.
    static Namespace create() {
        EXPECT_EQ(unshare(CLONE_NEWNET), 0) << "these tests need root";
        run("ip link set lo up");
        return current();
    }
    static Namespace current() {
        return Namespace(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }
    Namespace(Namespace&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
    Namespace& operator=(Namespace&&) = delete;
    ~Namespace() {
        if (file_ >= 0) close(file_);
    }

    void enter() const { ASSERT_EQ(setns(file_, CLONE_NEWNET), 0); }
    /// As `ip link ... netns` takes it.
    std::string path() const {
        return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file_);
    }

  private:
    explicit Namespace(int file) : file_(file) { EXPECT_GE(file, 0); }
    int file_;
};

/// Frames of one type that arrive on an interface of the namespace it was opened in.
class Capture {
  public:
    Capture(unsigned interface_index, std::uint16_t ether_type)
        : socket_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = __builtin_bswap16(ether_type);
        address.sll_ifindex = static_cast<int>(interface_index);
        EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    ~Capture() { close(socket_); }

    /// Waits for the next frame that came in; empty after ten seconds.
    std::vector<std::byte> next() const {
        std::vector<std::byte> frame(2048);
        ssize_t size = -1;
        eventually([&] {
            sockaddr_ll from{};
            socklen_t length = sizeof from;
            size = recvfrom(socket_, frame.data(), frame.size(), 0,
                            reinterpret_cast<sockaddr*>(&from), &length);
            return size >= 0 && from.sll_pkttype != PACKET_OUTGOING;
        });
        frame.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        return frame;
    }

  private:
    int socket_;
};

/// A director with wan0 and lan0; `outside` has the other end of wan0, `servers` that of lan0.
class TwoLinks : public ::testing::Test {
  protected:
    TwoLinks() {
        director.enter();
        run("ip link add wan0 address 02:00:00:00:00:01 type veth peer name eth0 address "
            "02:00:00:00:00:02 netns " +
            outside.path());
        run("ip link add lan0 address 02:00:00:00:01:01 type veth peer name eth0 address "
            "02:00:00:00:01:02 netns " +
            servers.path());
        run("ip link set wan0 up && ip link set lan0 up");
        for (const auto* other : {&outside, &servers}) {
            other->enter();
            run("ip link set eth0 up");
        }
        director.enter();
    }
    ~TwoLinks() override { before.enter(); }

    Namespace before = Namespace::current();
    Namespace outside = Namespace::create();
    Namespace servers = Namespace::create();
    Namespace director = Namespace::create();
};

}  // namespace shoal::net::testing
