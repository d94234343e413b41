#include "packet_bench.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cstring>
#include <stdexcept>

#include "packet_driver.skel.h"

namespace shoal::bench {
namespace {

using dataplane::testing::Hook;

// As in driver.bpf.c.
struct BenchCase {
    std::uint8_t headers[54];
    std::uint16_t zero;
    std::uint32_t flows;
    std::uint32_t next;
    std::uint32_t stride;
};

// Visits all flows, as 1 does, in an order without locality.
constexpr std::uint32_t scattered = 0x9E3779B1;

}  // namespace

void PacketBench::Deleter::operator()(packet_driver* driver) const {
    packet_driver__destroy(driver);
}

PacketBench::PacketBench(dataplane::testing::PacketPath& path, Hook hook)
    : path_(path), hook_(hook), driver_(packet_driver__open_and_load()) {
    if (!driver_) throw std::runtime_error("the kernel refuses the driver program");
}

PacketBench::~PacketBench() = default;

void PacketBench::put_target(bool empty_program) {
    const bool xdp = hook_ == Hook::xdp;
    const bpf_program* empty = xdp ? driver_->progs.empty_xdp : driver_->progs.empty_tc;
    const int target = empty_program ? bpf_program__fd(empty) : path_.program(hook_);
    const std::uint32_t zero = 0;
    const bpf_map* targets = xdp ? driver_->maps.xdp_target : driver_->maps.tc_target;
    if (bpf_map_update_elem(bpf_map__fd(targets), &zero, &target, BPF_ANY) != 0)
        throw std::runtime_error("the driver cannot call the program under test");
}

double PacketBench::measure(const Case& measured) {
    put_target(measured.empty_program);
    if (measured.prepare) measured.prepare();
    BenchCase setup{};
    std::memcpy(setup.headers, measured.frame.data(), sizeof(setup.headers));
    setup.flows = measured.flows;
    setup.stride = scattered;
    const std::uint32_t zero = 0;
    bpf_map_update_elem(bpf_map__fd(driver_->maps.bench_case), &zero, &setup, BPF_ANY);

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
    return options.duration;  // of one run, as the kernel averages it
}

}  // namespace shoal::bench
