#include "dataplane/bpf/bpf_dataplane.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "dataplane/bpf/kernel_fixture.h"
#include "dataplane/bpf/pin_directory.h"
#include "dataplane/bpf/tc_filters.h"
#include "dataplane/bpf/xdp_programs.h"
#include "model/table_memory.h"

namespace shoal::dataplane {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

void wait_until(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!condition() && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(2ms);
    EXPECT_TRUE(condition());
}

/// Runs `action` in a child that is killed once it is done, or as soon as `now` says so.
void run_and_kill(
    const std::function<void()>& action, const std::function<bool()>& now = [] { return false; }) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        action();
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        if (now()) ::kill(child, SIGKILL);
    }
    EXPECT_TRUE(WIFSIGNALED(status));
}

/// Of the calling process, for good.
void drop_capability(int number) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[2];
    if (::syscall(SYS_capget, &header, sets) != 0) ::_exit(1);
    const std::uint32_t others = ~(1U << (number % 32));
    sets[number / 32].effective &= others;
    sets[number / 32].permitted &= others;
    if (::syscall(SYS_capset, &header, sets) != 0) ::_exit(1);
}

class BpfDataplaneTest : public KernelFixture {};

TEST_F(BpfDataplaneTest, a_new_one_is_empty_and_its_sweeper_runs) {
    const auto dataplane = open();
    EXPECT_FALSE(dataplane->adopted());
    const State state = dataplane->observe().value();
    EXPECT_THAT(state.services, IsEmpty());
    EXPECT_THAT(state.hooks, IsEmpty());
    EXPECT_EQ(state.timeouts, model::ConnectionTimeouts{});
    const Tables tables = pinned_tables();
    wait_until([&] { return load_shared(tables.sweeper[0].ticks) > 3; });
    EXPECT_LT(dataplane->statistics()->sweeper_age_ms, 1000);
    EXPECT_EQ(dataplane->statistics()->table.size, 1024U);
    EXPECT_GT(dataplane->statistics()->table.memory_bytes, 1024U * 64);
}

TEST_F(BpfDataplaneTest, the_table_takes_the_memory_that_is_said_before) {
    constexpr std::uint32_t cells = 1 << 18;
    const auto dataplane = BpfDataplane::open({pins(), cells});
    ASSERT_TRUE(dataplane);
    const auto said = static_cast<double>(model::table_bytes(cells));
    const auto taken = static_cast<double>((*dataplane)->statistics()->table.memory_bytes);
    EXPECT_NEAR(taken / said, 1, 0.02);
    EXPECT_LE(taken, cells * 110.0);
}

TEST_F(BpfDataplaneTest, the_sweeper_outlives_the_process_and_is_adopted) {
    run_and_kill([&] { open(); });
    const Tables tables = pinned_tables();
    const auto ticks = load_shared(tables.sweeper[0].ticks);
    wait_until([&] { return load_shared(tables.sweeper[0].ticks) > ticks + 3; });

    const auto dataplane = open();
    EXPECT_TRUE(dataplane->adopted());
    const auto later = load_shared(tables.sweeper[0].ticks);
    wait_until([&] { return load_shared(tables.sweeper[0].ticks) > later + 3; });
}

TEST_F(BpfDataplaneTest, adopting_and_resizing_need_no_administration_of_the_system) {
    open();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        drop_capability(CAP_SYS_ADMIN);
        const auto dataplane = BpfDataplane::open({pins(), 1024});
        if (!dataplane) ::_exit(2);
        ::_exit((*dataplane)->apply_all(std::array<Operation, 1>{SetTableSize{2048}}).front() ? 0
                                                                                              : 3);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WEXITSTATUS(status), 0) << "2: not adopted, 3: no other size";
}

TEST_F(BpfDataplaneTest, adoption_finds_the_state_as_it_was_left) {
    State before;
    {
        const auto dataplane = open();
        model::ConnectionTimeouts timeouts;
        timeouts.established = 60s;
        apply(*dataplane, SetTimeouts{timeouts});
        apply(*dataplane, AddService{web_service(), {model::Scheduler::wrr}});
        apply(*dataplane, AddServer{web_service(), real_server(1, 3)});
        apply(*dataplane, AddServer{web_service(), real_server(2, 0)});
        before = dataplane->observe().value();
    }
    const auto dataplane = open();
    const State after = dataplane->observe().value();
    EXPECT_EQ(after.services, before.services);
    EXPECT_EQ(after.timeouts, before.timeouts);
    EXPECT_EQ(after.timeouts.established, 60s);
    EXPECT_EQ(after.services.front().servers.front(), real_server(2, 0));
}

TEST_F(BpfDataplaneTest, connections_live_on_through_kill_and_adoption) {
    const auto hop = NextHop{1, {}, real_server(1).key.address, net::MacAddress{}};
    run_and_kill([&] {
        const auto dataplane = open();
        apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
        for (const int last : {1, 2}) {
            apply(*dataplane, AddServer{web_service(), real_server(last)});
            EXPECT_TRUE(dataplane->set_next_hop(real_server(last).key.address, hop));
        }
    });
    ASSERT_TRUE(pass_segment(true));
    const auto dataplane = open();
    const auto opened = dataplane->connections({}, 0, 1024)->connections;
    ASSERT_EQ(opened.size(), 1U);
    EXPECT_EQ(opened[0].state, "SYN_RECV");

    ASSERT_TRUE(pass_segment(false));
    const auto established = dataplane->connections({}, 0, 1024)->connections;
    ASSERT_EQ(established.size(), 1U);
    EXPECT_EQ(established[0].state, "ESTABLISHED");
    EXPECT_EQ(established[0].real_address, opened[0].real_address);
    EXPECT_THAT(dataplane->self_check().value(), IsEmpty());
    const auto statistics = dataplane->statistics().value();
    EXPECT_EQ(statistics.services.at(0).counters.connections, 1U);
    EXPECT_EQ(statistics.services.at(0).counters.packets_in, 2U);
    EXPECT_EQ(statistics.verdicts[SHOAL_VERDICT_new_connection].packets, 1U);
    EXPECT_EQ(statistics.verdicts[SHOAL_VERDICT_forwarded].packets, 1U);
}

TEST_F(BpfDataplaneTest, connections_of_a_removed_server_end_at_their_next_packet) {
    const auto dataplane = open();
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    const auto hop = NextHop{1, {}, real_server(1).key.address, net::MacAddress{}};
    ASSERT_TRUE(dataplane->set_next_hop(real_server(1).key.address, hop));
    ASSERT_TRUE(pass_segment(true));
    apply(*dataplane, RemoveServer{web_service(), real_server(1).key});
    EXPECT_EQ(dataplane->connections({}, 0, 1024)->connections.size(), 1U);
    EXPECT_FALSE(pass_segment(false));
    EXPECT_THAT(dataplane->connections({}, 0, 1024)->connections, IsEmpty());
    EXPECT_EQ(dataplane->statistics()->verdicts[SHOAL_VERDICT_server_gone].packets, 1U);
    EXPECT_THAT(dataplane->self_check().value(), IsEmpty());
}

TEST_F(BpfDataplaneTest, who_joins_after_the_table_has_changed_has_the_next_hop_told_before) {
    const auto dataplane = open();
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    const auto hop = NextHop{1, {}, real_server(1).key.address, net::MacAddress{}};
    ASSERT_TRUE(dataplane->set_next_hop(real_server(1).key.address, hop));
    apply(*dataplane, SetTableSize{2048});
    wait_until([&] { return dataplane->advance().value() == Work::none; });
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    EXPECT_TRUE(pass_segment(true));
}

TEST_F(BpfDataplaneTest, adoption_keeps_the_hash_key_and_the_size_of_the_table) {
    open();
    const Tables tables = pinned_tables();
    const auto key = tables.settings[0].hash_key[0];
    const auto larger = BpfDataplane::open({pins(), 4096});
    ASSERT_TRUE(larger);
    EXPECT_EQ((*larger)->statistics()->table.size, 1024U);
    EXPECT_EQ(tables.settings[0].hash_key[0], key);
}

TEST_F(BpfDataplaneTest, withdrawal_leaves_nothing) {
    const auto dataplane = open();
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    ASSERT_TRUE(dataplane->withdraw());
    EXPECT_FALSE(std::filesystem::exists(pins()));
    EXPECT_THAT(dataplane->observe().error().message, HasSubstr("withdrawn"));
    EXPECT_FALSE(open()->adopted());
}

TEST_F(BpfDataplaneTest, withdrawal_can_be_repeated) {
    const auto dataplane = open();
    const std::string pools = pins() / "pool_of_service";
    run("mount -t tmpfs none " + pools);
    EXPECT_FALSE(dataplane->withdraw());
    run("umount " + pools);
    EXPECT_TRUE(dataplane->withdraw());
    EXPECT_FALSE(std::filesystem::exists(pins()));
    EXPECT_TRUE(dataplane->withdraw());
}

TEST_F(BpfDataplaneTest, pins_of_others_are_never_removed) {
    open();
    const auto foreign = pins() / "foreign_new_1";
    std::filesystem::create_directory(foreign);
    ASSERT_TRUE(open()->withdraw());
    EXPECT_TRUE(std::filesystem::exists(foreign));
    EXPECT_EQ(
        BpfDataplane::open(options()).error().message,
        pins().string() + " holds things that are not Shoal's; give it a directory of its own");
    EXPECT_TRUE(std::filesystem::exists(foreign));
    std::filesystem::remove(foreign);
    EXPECT_FALSE(open()->adopted());
}

TEST_F(BpfDataplaneTest, remains_next_to_pins_of_others_are_left_alone) {
    open();
    std::filesystem::remove(pins() / "settings");
    std::filesystem::create_directory(pins() / "foreign");
    EXPECT_FALSE(BpfDataplane::open(options()));
    EXPECT_TRUE(std::filesystem::exists(pins() / "shoal_tc"));
}

TEST_F(BpfDataplaneTest, another_layout_is_refused_and_left_alone) {
    open();
    const Tables tables = pinned_tables();
    tables.settings[0].abi_version = SHOAL_ABI_VERSION + 1;
    tables.settings[0].common_version = SHOAL_COMMON_VERSION + 1;
    const auto refused = BpfDataplane::open(options());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("layout version"));
    tables.settings[0].abi_version = SHOAL_ABI_VERSION;
    tables.settings[0].common_version = SHOAL_COMMON_VERSION;
    EXPECT_TRUE(open()->adopted());
}

TEST_F(BpfDataplaneTest, a_missing_map_is_named) {
    open();
    std::filesystem::remove(pins() / "server_loads");
    EXPECT_THAT(BpfDataplane::open(options()).error().message, HasSubstr("map server_loads"));
}

TEST_F(BpfDataplaneTest, needs_a_bpf_file_system) {
    const auto refused = BpfDataplane::open({"/tmp/shoal", 1024});
    EXPECT_THAT(refused.error().message, HasSubstr("not on a BPF file system"));
}

TEST_F(BpfDataplaneTest, an_unfinished_creation_is_done_again) {
    open();
    std::filesystem::remove(pins() / "settings");
    const auto dataplane = open();
    EXPECT_FALSE(dataplane->adopted());
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    EXPECT_EQ(dataplane->observe()->services.size(), 1U);
}

/// Each creation finds the remains of the one before, clears them away and gets further.
TEST_F(BpfDataplaneTest, a_kill_at_any_moment_of_creation_does_no_harm) {
    const auto pinned = [&] {
        std::error_code none;
        return std::distance(std::filesystem::directory_iterator(pins(), none), {});
    };
    for (const int enough : {1, 9, 18, 21}) {
        bool cleared = false;
        run_and_kill([&] { open(); },
                     [&] {
                         cleared = cleared || pinned() < enough;
                         return cleared && pinned() >= enough;
                     });
        // In case the kill came too late.
        std::filesystem::remove(pins() / "settings");
    }
    const auto dataplane = open();
    apply(*dataplane, AddService{web_service(), {model::Scheduler::rr}});
    EXPECT_EQ(dataplane->observe()->services.size(), 1U);
    ASSERT_TRUE(dataplane->withdraw());
    EXPECT_FALSE(std::filesystem::exists(pins()));
}

TEST_F(BpfDataplaneTest, programs_of_ipv6_come_with_the_first_virtual_server_and_stay) {
    const PinDirectory directory = PinDirectory::open(pins()).value();
    const auto handed_over_to = [&] {
        const Tables tables = pinned_tables();
        const std::uint32_t only = 0;
        std::uint32_t program = 0;
        return bpf_map_lookup_elem(tables.fd("ipv6_tc"), &only, &program) == 0 ? program : 0;
    };
    const auto pinned = [&] { return directory.get("shoal_ipv6_tc")->get() >= 0; };
    PacketQuestion question;
    question.client = address("2001:db8::7");
    question.virtual_address = address("2001:db8:80::80");
    question.virtual_port = 80;
    const ServiceKey key{model::Protocol::tcp, question.virtual_address, 80};
    std::uint32_t first = 0;
    {
        const auto dataplane = open();
        EXPECT_EQ(handed_over_to(), 0U);
        EXPECT_FALSE(pinned());
        EXPECT_EQ(dataplane->explain(question)->verdict, "foreign");
        apply(*dataplane, AddService{key, {model::Scheduler::rr}});
        first = handed_over_to();
        EXPECT_NE(first, 0U);
        EXPECT_TRUE(pinned());
        EXPECT_EQ(dataplane->explain(question)->verdict, "no_server");
    }
    const auto dataplane = open();
    EXPECT_NE(handed_over_to(), first) << "an adopting process brings its own";
    EXPECT_EQ(dataplane->explain(question)->verdict, "no_server");
}

TEST_F(BpfDataplaneTest, a_kill_during_adoption_does_no_harm) {
    run("ip link add wan0 type veth peer name client0");
    apply(*open(), AttachHook{"wan0", model::HookChoice::xdp});
    const auto new_programs_pinned = [&] {
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator(pins(), none)) {
            if (entry.path().string().find("shoal_xdp_new_") != std::string::npos) return true;
        }
        return false;
    };
    for (int i = 0; i < 2; ++i)
        run_and_kill([&] { open(); }, new_programs_pinned);
    const auto dataplane = open();
    EXPECT_TRUE(dataplane->adopted());
    EXPECT_EQ(dataplane->observe()->hooks.at("wan0").attached, model::HookChoice::xdp);
    EXPECT_FALSE(new_programs_pinned());
    ASSERT_TRUE(dataplane->withdraw());
    EXPECT_THAT(output_of("ip link show dev wan0"), ::testing::Not(HasSubstr("xdp")));
}

TEST_F(BpfDataplaneTest, a_filter_whose_pins_are_gone_is_attached_afresh) {
    run("ip link add wan0 type veth peer name client0");
    const auto running = [] { return list_tc_filters(*find_device("wan0"))->ours.at(0).program; };
    const AttachHook hook{"wan0", model::HookChoice::automatic};
    run_and_kill([&] { apply(*open(), hook); });
    const auto former = running();
    std::filesystem::remove_all(pins());
    const auto dataplane = open();
    EXPECT_THAT(dataplane->observe()->hooks, IsEmpty());
    apply(*dataplane, hook);
    EXPECT_TRUE(dataplane->observe()->hooks.contains("wan0"));
    EXPECT_NE(running(), former);
    const Descriptor program(bpf_obj_get((pins() / "shoal_tc").c_str()));
    EXPECT_EQ(running(), program_id(program.get()));
}

TEST_F(BpfDataplaneTest, times_that_are_no_whole_ticks_are_observed_as_they_were_set) {
    const auto dataplane = open();
    model::ConnectionTimeouts timeouts;
    timeouts.udp = std::chrono::milliseconds(12'345);
    apply(*dataplane, SetTimeouts{timeouts});
    EXPECT_EQ(dataplane->observe()->timeouts, timeouts);
}

TEST_F(BpfDataplaneTest, sizes_other_than_powers_of_two_are_refused) {
    EXPECT_FALSE(BpfDataplane::open({pins(), 1000}));
    EXPECT_FALSE(BpfDataplane::open({pins(), 512}));
    EXPECT_FALSE(BpfDataplane::open({pins(), 1U << 25}));
}

}  // namespace
}  // namespace shoal::dataplane
