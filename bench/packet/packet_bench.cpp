#include "packet_bench.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include "packet_driver.skel.h"

namespace shoal::bench {
namespace {

using dataplane::testing::Hook;

// As in driver.bpf.c.
struct BenchCase {
    std::uint8_t headers[74];  // 54 of IPv4
    std::uint16_t bytes;
    std::uint16_t ipv6;
    std::uint32_t flows;
    std::uint32_t next;
    std::uint32_t stride;
};

/// A descriptor of the program's map of this name.
int open_map(int program, std::string_view name) {
    std::uint32_t ids[64]{};
    bpf_prog_info info{};
    info.nr_map_ids = std::size(ids);
    info.map_ids = reinterpret_cast<std::uintptr_t>(ids);
    std::uint32_t length = sizeof(info);
    if (bpf_obj_get_info_by_fd(program, &info, &length) != 0)
        throw std::runtime_error("the program under test cannot be asked for its maps");
    for (std::uint32_t i = 0; i < info.nr_map_ids; ++i) {
        const int map = bpf_map_get_fd_by_id(ids[i]);
        bpf_map_info map_info{};
        length = sizeof(map_info);
        if (map >= 0 && bpf_obj_get_info_by_fd(map, &map_info, &length) == 0 &&
            name == static_cast<const char*>(map_info.name))
            return map;
        close(map);
    }
    throw std::runtime_error("the program under test has no map " + std::string(name));
}

}  // namespace

void PacketBench::Deleter::operator()(packet_driver* driver) const {
    packet_driver__destroy(driver);
}

PacketBench::PacketBench(dataplane::testing::PacketPath& path, Hook hook)
    : path_(path), hook_(hook), driver_(packet_driver__open()) {
    if (!driver_) throw std::runtime_error("the driver program cannot be opened");
    load_driver();
}

PacketBench::~PacketBench() = default;

void PacketBench::load_driver() {
    const int connections = open_map(path_.program(hook_), "connections");
    driver_->rodata->connection_cells = path_.cells();
    const bool loaded = bpf_map__reuse_fd(driver_->maps.connections, connections) == 0 &&
                        packet_driver__load(driver_.get()) == 0;
    close(connections);
    if (!loaded) throw std::runtime_error("the kernel refuses the driver program");
    if (hook_ == Hook::tc) return;
    // Before and after the test run of an XDP program that is attached nowhere the kernel sleeps
    // until the other CPUs noticed, and whoever runs meanwhile throws our lines out of the cache.
    driver_->links.drive_xdp =
        bpf_program__attach_xdp(driver_->progs.drive_xdp, dataplane::testing::loopback);
    if (driver_->links.drive_xdp == nullptr)
        throw std::runtime_error("the driver program cannot be attached");
}

int PacketBench::program_of(Target target) const {
    const auto& programs = driver_->progs;
    switch (target) {
        case Target::packet_path:
            return path_.program(hook_);
        case Target::encapsulation:
            return bpf_program__fd(programs.encapsulate_xdp);
        case Target::empty:
            break;
    }
    return bpf_program__fd(hook_ == Hook::xdp ? programs.empty_xdp : programs.empty_tc);
}

void PacketBench::put_target(Target target) {
    const int program = program_of(target);
    const std::uint32_t zero = 0;
    const bpf_map* targets =
        hook_ == Hook::xdp ? driver_->maps.xdp_target : driver_->maps.tc_target;
    if (bpf_map_update_elem(bpf_map__fd(targets), &zero, &program, BPF_ANY) != 0)
        throw std::runtime_error("the driver cannot call the program under test");
}

void PacketBench::put_case(const Case& measured) {
    BenchCase setup{};
    std::memcpy(setup.headers, measured.frame.data(),
                std::min(sizeof(setup.headers), measured.frame.size()));
    setup.ipv6 = measured.ipv6;
    setup.bytes = static_cast<std::uint16_t>(measured.frame.size());
    setup.flows = measured.flows;
    setup.stride = measured.stride;
    const std::uint32_t zero = 0;
    bpf_map_update_elem(bpf_map__fd(driver_->maps.bench_case), &zero, &setup, BPF_ANY);
}

std::uint64_t PacketBench::counted(const Case& measured) const {
    return measured.verdict.empty() ? 0 : path_.verdicts().at(measured.verdict);
}

double PacketBench::measure(const Case& measured) {
    put_target(measured.target);
    if (measured.prepare) measured.prepare();
    put_case(measured);
    const auto before = counted(measured);
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = measured.frame.data();
    options.data_size_in = static_cast<std::uint32_t>(measured.frame.size());
    options.repeat = static_cast<int>(measured.runs);
    const bpf_program* driver =
        hook_ == Hook::xdp ? driver_->progs.drive_xdp : driver_->progs.drive_tc;
    if (bpf_prog_test_run_opts(bpf_program__fd(driver), &options) != 0)
        throw std::runtime_error(measured.name + ": the test run failed");
    if (options.retval != measured.expected_action)
        throw std::runtime_error(measured.name + ": the program returned " +
                                 std::to_string(options.retval) + " instead of " +
                                 std::to_string(measured.expected_action));
    const auto packets = counted(measured) - before;
    if (!measured.verdict.empty() && packets != measured.runs)
        throw std::runtime_error(measured.name + ": " + std::to_string(packets) + " of " +
                                 std::to_string(measured.runs) + " packets were counted as " +
                                 measured.verdict);
    return options.duration;  // of one run, as the kernel averages it
}

double PacketBench::read_connections() {
    const std::uint8_t packet[64]{};
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = &packet;
    options.data_size_in = sizeof(packet);
    if (bpf_prog_test_run_opts(bpf_program__fd(driver_->progs.read_connections), &options) != 0)
        throw std::runtime_error("reading the connections: the test run failed");
    return options.duration;
}

}  // namespace shoal::bench
