#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "dataplane/bpf/check_programs.h"
#include "dataplane/bpf/testing/move_program.h"

// What the verifier goes through to accept each program: it gives up at a million instructions, and
// loading takes time in proportion. After a change that is worth it, record anew:
//   tests/record_verifier.py build/dev

namespace shoal::dataplane::testing {
namespace {

struct Recorded {
    const char* kernel;
    const char* program;
    std::uint32_t instructions;
};
constexpr auto recorded = std::to_array<Recorded>({
#include "dataplane/bpf/verified_instructions.inc"
});

/// Of a kernel that nobody recorded: far from the verifier's bound.
constexpr std::uint32_t unknown_bound = 700'000;

/// "6.18"
std::string kernel() {
    utsname name{};
    uname(&name);
    unsigned major = 0;
    unsigned minor = 0;
    std::sscanf(&name.release[0], "%u.%u", &major, &minor);
    return std::to_string(major) + "." + std::to_string(minor);
}

std::uint32_t bound(const std::string& program) {
    const auto found = std::ranges::find_if(recorded, [&](const Recorded& it) {
        return it.kernel == kernel() && it.program == program;
    });
    return found == recorded.end() ? unknown_bound : found->instructions + found->instructions / 5;
}

std::uint32_t verified_instructions(int program) {
    bpf_prog_info info{};
    __u32 length = sizeof info;
    EXPECT_EQ(bpf_obj_get_info_by_fd(program, &info, &length), 0);
    return info.verified_insns;
}

void expect_no_growth(const char* name, int program) {
    const auto instructions = verified_instructions(program);
    std::printf("verified %s %s %u\n", kernel().c_str(), name, instructions);
    EXPECT_GT(instructions, 0U) << name;
    EXPECT_LE(instructions, bound(name)) << name;
}

TEST(Verifier, no_program_takes_a_fifth_more_than_recorded) {
    PacketPath path;
    path.serve({{"2001:db8:a::1"}});  // loads the programs of IPv6
    for (const char* name :
         {"shoal_tc", "shoal_xdp", "shoal_ipv6_tc", "shoal_ipv6_xdp", "start_sweeper", "sweep_now",
          "refresh_pool", "explain", "explain_ipv6"})
        expect_no_growth(name, path.program(name));
    const MoveProgram move(path, path);
    for (const char* name : {"move_connections", "move_ipv6_connections"})
        expect_no_growth(name, move.program(name));
    const auto check = load_check_programs(4, nullptr).value();
    expect_no_growth("shoal_check_out", check.out.get());
    expect_no_growth("shoal_check_in", check.in.get());
    const auto check_ipv6 = load_check_programs(6, &check).value();
    expect_no_growth("shoal_check_out_ipv6", check_ipv6.out.get());
    expect_no_growth("shoal_check_in_ipv6", check_ipv6.in.get());
}

}  // namespace
}  // namespace shoal::dataplane::testing
