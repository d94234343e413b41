#include "dataplane/bpf/kernel_fixture.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/pkt_cls.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "dataplane/bpf/libbpf_options.h"
#include "dataplane/bpf/pin_directory.h"

namespace shoal::dataplane {

void KernelFixture::SetUp() {
    ASSERT_EQ(::unshare(CLONE_NEWNS | CLONE_NEWNET), 0) << "needs root: " << std::strerror(errno);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    std::string name = std::filesystem::temp_directory_path() / "shoal-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    ASSERT_EQ(::mount("bpf", root_.c_str(), "bpf", 0, nullptr), 0) << std::strerror(errno);
}

void KernelFixture::TearDown() {
    ::umount2(root_.c_str(), MNT_DETACH);
    std::filesystem::remove(root_);
}

std::unique_ptr<BpfDataplane> KernelFixture::open() const {
    auto opened = BpfDataplane::open(options());
    if (opened) return std::move(*opened);
    ADD_FAILURE() << opened.error().message;
    std::abort();
}

void KernelFixture::apply(BpfDataplane& dataplane, const Operation& operation) {
    const auto done = dataplane.apply(operation);
    EXPECT_TRUE(done) << to_string(operation) << ": " << done.error().message;
}

Tables KernelFixture::pinned_tables() const {
    const PinDirectory directory = PinDirectory::open(pins()).value();
    Objects maps;
    for (const std::string& name : map_names().value()) {
        maps[name] = directory.get(name).value();
    }
    return Tables::map(std::move(maps)).value();
}

bool KernelFixture::pass_segment(bool syn, std::uint16_t client_port) const {
    std::array<unsigned char, 54> packet{};
    packet[12] = 0x08;
    packet[14] = 0x45;
    packet[17] = 40;
    packet[22] = 64;
    packet[23] = 6;
    const auto client = address("198.51.100.7").bytes();
    const auto server = web_service().address.bytes();
    std::copy_n(client.begin(), 4, &packet[26]);
    std::copy_n(server.begin(), 4, &packet[30]);
    packet[34] = static_cast<unsigned char>(client_port >> 8);
    packet[35] = static_cast<unsigned char>(client_port);
    packet[37] = 80;
    packet[46] = 0x50;
    packet[47] = syn ? 0x02 : 0x10;
    const Descriptor program(bpf_obj_get((pins() / "shoal_tc").c_str()));
    LibbpfOptions<bpf_test_run_opts> options;
    options.data_in = packet.data();
    options.data_size_in = packet.size();
    options.repeat = 1;
    EXPECT_EQ(bpf_prog_test_run_opts(program.get(), &options), 0);
    return options.retval == TC_ACT_REDIRECT;
}

void KernelFixture::run(const std::string& command) {
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

std::string KernelFixture::output_of(const std::string& command) {
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string output;
    std::array<char, 4096> buffer{};
    while (std::fgets(buffer.data(), buffer.size(), pipe) != nullptr)
        output += buffer.data();
    ::pclose(pipe);
    return output;
}

net::Address address(const char* text) {
    return net::Address::parse(text).value();
}

ServiceKey web_service() {
    return {model::Protocol::tcp, address("192.0.2.80"), 80};
}

Server real_server(int last, std::uint32_t weight) {
    return {{address(fmt::format("10.0.0.{}", last).c_str()), 80},
            weight,
            model::ForwardingMethod::nat};
}

}  // namespace shoal::dataplane
