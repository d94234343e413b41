#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "rate.skel.h"

// bench_rate generate DEVICE TO_MAC FROM_ADDRESS TO_ADDRESS TO_PORT FLOWS SECONDS
//     sends small UDP datagrams out of the device as fast as one CPU can, and prints
//     "PACKETS SECONDS". The receivers' work is done by the same CPU, in between.
// bench_rate sink xdp|tc DEVICE
//     drops them where they come in; for each line of its input it prints how many it has dropped.
// Needs root.

namespace shoal::bench {
namespace {

constexpr unsigned generator_cpu = 1;
constexpr std::size_t ethernet_bytes = 14, ip_bytes = 20, frame_bytes = 60;
constexpr std::uint32_t frames_per_run = 1U << 14;

using Frame = std::array<std::uint8_t, frame_bytes>;
using Clock = std::chrono::steady_clock;

struct Destroy {
    void operator()(rate* skeleton) const { rate__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<rate, Destroy>;

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

Skeleton open_skeleton() {
    Skeleton skeleton(rate__open());
    if (!skeleton) fail("opening the programs");
    return skeleton;
}

unsigned index_of(const std::string& device) {
    const unsigned index = if_nametoindex(device.c_str());
    if (index == 0) fail(device);
    return index;
}

/// Of words in network byte order.
std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes, std::uint32_t sum = 0) {
    for (std::size_t i = 0; i < bytes.size(); i += 2)
        sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum);
}

void put16(std::span<std::uint8_t> frame, std::size_t offset, std::uint16_t value) {
    frame[offset] = static_cast<std::uint8_t>(value >> 8);
    frame[offset + 1] = static_cast<std::uint8_t>(value);
}

void put_address(std::span<std::uint8_t> frame, std::size_t offset, const std::string& address) {
    if (inet_pton(AF_INET, address.c_str(), &frame[offset]) != 1)
        throw std::runtime_error("not an IPv4 address: " + address);
}

void put_mac(std::span<std::uint8_t> frame, const std::string& mac) {
    if (std::sscanf(mac.c_str(), "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &frame[0], &frame[1], &frame[2],
                    &frame[3], &frame[4], &frame[5]) != 6)
        throw std::runtime_error("not a MAC address: " + mac);
}

/// From port 0.
Frame make_frame(const std::string& to_mac, const std::string& from, const std::string& to,
                 std::uint16_t port) {
    Frame frame{};
    const std::span all(frame);
    put_mac(all, to_mac);
    frame[6] = 0x02;  // a source of no device
    put16(all, 12, 0x0800);
    const auto ip = all.subspan(ethernet_bytes, ip_bytes);
    const auto udp = all.subspan(ethernet_bytes + ip_bytes);
    ip[0] = 0x45;
    put16(ip, 2, frame_bytes - ethernet_bytes);
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    put_address(ip, 12, from);
    put_address(ip, 16, to);
    put16(ip, 10, internet_checksum(ip));
    put16(udp, 2, port);
    put16(udp, 4, static_cast<std::uint16_t>(udp.size()));
    const std::uint32_t of_addresses =
        static_cast<std::uint16_t>(~internet_checksum(ip.subspan(12)));
    const auto length = static_cast<std::uint32_t>(udp.size());
    put16(udp, 6, internet_checksum(udp, of_addresses + IPPROTO_UDP + length));
    return frame;
}

void pin_to(unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0) fail("pinning to a CPU");
}

void send_some(const rate& skeleton, const Frame& frame, unsigned device) {
    xdp_md context{};
    context.data_end = frame_bytes;
    context.ingress_ifindex = device;
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = frame.data();
    options.data_size_in = frame_bytes;
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    options.repeat = static_cast<int>(frames_per_run);
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    if (bpf_prog_test_run_opts(bpf_program__fd(skeleton.progs.generate), &options) != 0)
        fail("sending");
}

int generate(std::span<const std::string> words) {
    const unsigned device = index_of(words[0]);
    const Frame frame =
        make_frame(words[1], words[2], words[3], static_cast<std::uint16_t>(std::stoi(words[4])));
    const auto skeleton = open_skeleton();
    std::ranges::copy(frame, skeleton->rodata->frame);
    skeleton->rodata->flows = static_cast<std::uint32_t>(std::stoul(words[5]));
    if (rate__load(skeleton.get()) != 0) fail("loading the programs");
    pin_to(generator_cpu);
    setpriority(PRIO_PROCESS, 0, -20);
    const std::chrono::duration<double> wanted(std::stod(words[6]));
    const auto start = Clock::now();
    std::uint64_t packets = 0;
    std::chrono::duration<double> elapsed{};
    for (; elapsed < wanted; elapsed = Clock::now() - start) {
        send_some(*skeleton, frame, device);
        packets += frames_per_run;
    }
    std::printf("%llu %f\n", static_cast<unsigned long long>(packets), elapsed.count());
    return 0;
}

/// Until this process ends, for XDP; at tc until the device or its qdisc goes.
void attach_sink(rate& skeleton, bool xdp, int device) {
    if (xdp) {
        skeleton.links.sink_xdp = bpf_program__attach_xdp(skeleton.progs.sink_xdp, device);
        if (skeleton.links.sink_xdp == nullptr) fail("attaching the sink");
        return;
    }
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = device;
    hook.attach_point = BPF_TC_INGRESS;
    if (const int error = bpf_tc_hook_create(&hook); error != 0 && error != -EEXIST)
        fail("making a place for the sink");
    bpf_tc_opts options{};
    options.sz = sizeof(options);
    options.prog_fd = bpf_program__fd(skeleton.progs.sink_tc);
    if (bpf_tc_attach(&hook, &options) != 0) fail("attaching the sink");
}

int sink(std::span<const std::string> words) {
    const auto skeleton = open_skeleton();
    if (rate__load(skeleton.get()) != 0) fail("loading the programs");
    attach_sink(*skeleton, words[0] == "xdp", static_cast<int>(index_of(words[1])));
    std::puts("ready");
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {
        const std::uint64_t sunk = *const_cast<volatile __u64*>(&skeleton->bss->sunk);
        std::printf("%llu\n", static_cast<unsigned long long>(sunk));
        std::fflush(stdout);
    }
    return 0;
}

}  // namespace
}  // namespace shoal::bench

int main(int argc, char** argv) try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const std::span all(words);
    if (words.size() == 8 && words[0] == "generate") return shoal::bench::generate(all.subspan(1));
    if (words.size() == 3 && words[0] == "sink") return shoal::bench::sink(all.subspan(1));
    std::fputs(
        "usage: bench_rate generate DEVICE TO_MAC FROM_ADDRESS TO_ADDRESS TO_PORT FLOWS SECONDS\n"
        "       bench_rate sink xdp|tc DEVICE\n",
        stderr);
    return 2;
} catch (const std::exception& error) {
    std::fprintf(stderr, "bench_rate: %s\n", error.what());
    return 1;
}
