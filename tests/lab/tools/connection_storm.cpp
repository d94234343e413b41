// Opens many TCP connections from every CPU at once and ends them in each way a connection can end:
// by FIN from either side, by RST, never completed (half-open), and gone without a word.
//
//   connection_storm TARGET PORT CONNECTIONS FIRST_SOURCE SOURCES
//
// Connections start from SOURCES addresses of this host from FIRST_SOURCE on; the half-open ones
// from the address after them, which nobody may own. Prints one line of JSON.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

constexpr std::size_t concurrent = 128;
constexpr int patience_ms = 20'000;

enum class Ending { client_fin, server_fin, reset, half_open, silent };

struct Options {
    in_addr target{};
    std::uint16_t port = 0;
    unsigned connections = 0;
    std::uint32_t first_source = 0;  // host byte order
    std::uint32_t sources = 0;
};

struct Totals {
    unsigned completed = 0;
    unsigned half_open = 0;
    unsigned failed = 0;
};

// In hundredths: 30 client FIN, 30 server FIN, 25 RST, 10 half-open, 5 silent.
Ending ending_of(unsigned draw) {
    if (draw < 30) {
        return Ending::client_fin;
    }
    if (draw < 60) {
        return Ending::server_fin;
    }
    if (draw < 85) {
        return Ending::reset;
    }
    return draw < 95 ? Ending::half_open : Ending::silent;
}

std::uint16_t checksum(const void* data, std::size_t length, std::uint32_t sum) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    for (std::size_t i = 0; i + 1 < length; i += 2) {
        sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return htons(static_cast<std::uint16_t>(~sum));
}

class Storm {
  public:
    Storm(const Options& options, unsigned seed)
        : options_(options),
          random_(seed),
          raw_(socket(AF_INET, SOCK_RAW, IPPROTO_RAW)),
          epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
    Storm(const Storm&) = delete;
    Storm& operator=(const Storm&) = delete;
    ~Storm() {
        close(raw_);
        close(epoll_);
    }

    Totals run() {
        unsigned started = 0;
        while (started < options_.connections || !open_.empty()) {
            while (started < options_.connections && open_.size() < concurrent) {
                ++started;
                begin(ending_of(static_cast<unsigned>(random_() % 100)));
            }
            if (!open_.empty() && !progress()) {
                totals_.failed += static_cast<unsigned>(open_.size());
                break;
            }
        }
        return totals_;
    }

  private:
    void begin(Ending ending) {
        if (ending == Ending::half_open) {
            send_syn();
            return;
        }
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int one = 1;
        setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        const auto source = address(
            options_.first_source + static_cast<std::uint32_t>(random_() % options_.sources), 0);
        const auto target = address(ntohl(options_.target.s_addr), options_.port);
        if (bind(fd, generic(source), sizeof source) != 0 ||
            (connect(fd, generic(target), sizeof target) != 0 && errno != EINPROGRESS)) {
            ++totals_.failed;
            close(fd);
            return;
        }
        epoll_event event{.events = EPOLLOUT, .data = {.fd = fd}};
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
        open_.emplace(fd, ending);
    }

    // False when nothing happened on any connection for the patience.
    bool progress() {
        std::array<epoll_event, concurrent> events{};
        const int count =
            epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), patience_ms);
        for (int i = 0; i < count; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            if ((event.events & EPOLLOUT) != 0) {
                request(event.data.fd);
            } else {
                answered(event.data.fd);
            }
        }
        return count > 0;
    }

    void request(int fd) {
        const std::string_view text = open_.at(fd) == Ending::server_fin
                                          ? "GET / HTTP/1.0\r\n\r\n"
                                          : "GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
        if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) < 0) {
            finish(fd, false);
            return;
        }
        epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
        epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
    }

    void answered(int fd) {
        std::array<char, 2048> buffer{};
        const auto length = recv(fd, buffer.data(), buffer.size(), 0);
        const auto ending = open_.at(fd);
        if (ending == Ending::server_fin && length > 0) {
            return;  // until the server has closed
        }
        if (ending == Ending::reset) {
            const linger now{.l_onoff = 1, .l_linger = 0};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        } else if (ending == Ending::silent) {
            const int on = 1;  // a socket under repair is closed without a packet
            setsockopt(fd, SOL_TCP, TCP_REPAIR, &on, sizeof on);
        }
        finish(fd, ending == Ending::server_fin ? length == 0 : length > 0);
    }

    void finish(int fd, bool completed) {
        ++(completed ? totals_.completed : totals_.failed);
        open_.erase(fd);
        close(fd);
    }

    void send_syn() {
        struct {
            iphdr ip;
            tcphdr tcp;
        } packet{};
        packet.ip.version = 4;
        packet.ip.ihl = 5;
        packet.ip.ttl = 64;
        packet.ip.protocol = IPPROTO_TCP;
        packet.ip.saddr = htonl(options_.first_source + options_.sources);
        packet.ip.daddr = options_.target.s_addr;
        packet.tcp.th_sport = htons(static_cast<std::uint16_t>(1024 + random_() % 64'000));
        packet.tcp.th_dport = htons(options_.port);
        packet.tcp.th_seq = static_cast<std::uint32_t>(random_());
        packet.tcp.th_off = 5;
        packet.tcp.th_flags = TH_SYN;
        packet.tcp.th_win = htons(1024);
        std::uint32_t pseudo = IPPROTO_TCP + sizeof(tcphdr);
        for (const auto word : {ntohl(packet.ip.saddr), ntohl(packet.ip.daddr)}) {
            pseudo += (word >> 16) + (word & 0xffff);
        }
        packet.tcp.th_sum = checksum(&packet.tcp, sizeof packet.tcp, pseudo);
        const auto target = address(ntohl(options_.target.s_addr), 0);
        const auto sent = sendto(raw_, &packet, sizeof packet, 0, generic(target), sizeof target);
        ++(sent > 0 ? totals_.half_open : totals_.failed);
    }

    static sockaddr_in address(std::uint32_t host, std::uint16_t port) {
        return {.sin_family = AF_INET,
                .sin_port = htons(port),
                .sin_addr = {.s_addr = htonl(host)},
                .sin_zero = {}};
    }
    static const sockaddr* generic(const sockaddr_in& address) {
        return reinterpret_cast<const sockaddr*>(&address);
    }

    Options options_;
    std::mt19937_64 random_;
    int raw_;
    int epoll_;
    std::unordered_map<int, Ending> open_;
    Totals totals_;
};

void pin_to(unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

}  // namespace

int main(int count, char** words) {
    Options options;
    in_addr first{};
    if (count != 6 || inet_pton(AF_INET, words[1], &options.target) != 1 ||
        inet_pton(AF_INET, words[4], &first) != 1) {
        std::fputs("connection_storm TARGET PORT CONNECTIONS FIRST_SOURCE SOURCES\n", stderr);
        return 2;
    }
    const unsigned cpus = std::thread::hardware_concurrency();
    options.port = static_cast<std::uint16_t>(std::atoi(words[2]));
    options.connections = static_cast<unsigned>(std::atoi(words[3])) / cpus;
    options.first_source = ntohl(first.s_addr);
    options.sources = static_cast<std::uint32_t>(std::atoi(words[5]));

    std::vector<Totals> totals(cpus);
    std::vector<std::thread> threads;
    threads.reserve(cpus);
    for (unsigned cpu = 0; cpu < cpus; ++cpu) {
        threads.emplace_back([cpu, &options, &totals] {
            pin_to(cpu);
            totals[cpu] = Storm(options, std::random_device{}()).run();
        });
    }
    Totals sum;
    for (unsigned cpu = 0; cpu < cpus; ++cpu) {
        threads[cpu].join();
        sum.completed += totals[cpu].completed;
        sum.half_open += totals[cpu].half_open;
        sum.failed += totals[cpu].failed;
    }
    std::printf("{\"completed\": %u, \"half_open\": %u, \"failed\": %u}\n", sum.completed,
                sum.half_open, sum.failed);
    return 0;
}
