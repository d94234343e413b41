#include "net/sysctl.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "net/testing_network.h"

namespace shoal::net {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class SysctlTest : public testing::TwoLinks {
  protected:
    SysctlTest() {
        for (const auto* name : {"all", "default", "wan0", "lan0"}) {
            EXPECT_TRUE(write_sysctl(ipv4_device_sysctl(name, "rp_filter"), 0));
        }
    }
    ~SysctlTest() override { std::filesystem::remove(path); }
    static std::vector<std::string> names(const std::vector<WrongSysctl>& wrong) {
        std::vector<std::string> result;
        for (const auto& entry : wrong)
            result.push_back(entry.name);
        return result;
    }

    std::filesystem::path path =
        ::testing::TempDir() + "/shoal-sysctl-" + std::to_string(getpid()) + ".json";
    StateFile state{path};
};

TEST_F(SysctlTest, devices_with_dots_have_names_as_in_sysctl_8) {
    testing::run("ip link add lan0.5 type veth peer name other");
    const auto name = ipv4_device_sysctl("lan0.5", "rp_filter");
    EXPECT_EQ(name, "net.ipv4.conf.lan0/5.rp_filter");
    ASSERT_TRUE(write_sysctl(name, 2));
    EXPECT_EQ(read_sysctl(name).value(), 2);
    testing::run("test $(cat /proc/sys/net/ipv4/conf/lan0.5/rp_filter) = 2");
}

TEST_F(SysctlTest, what_does_not_exist_is_unset_and_cannot_be_written) {
    const auto name = ipv4_device_sysctl("eth9", "rp_filter");
    EXPECT_EQ(read_sysctl(name).value(), std::nullopt);
    EXPECT_THAT(write_sysctl(name, 1).error().message, HasSubstr(name));
}

TEST_F(SysctlTest, no_name_leads_out_of_the_network_settings) {
    for (const auto* name : {"kernel.hostname", "net.//.kernel.hostname", "", "net.ipv4.//"}) {
        EXPECT_FALSE(read_sysctl(name)) << name;
    }
}

TEST_F(SysctlTest, a_kernel_refusal_names_the_setting) {
    const auto refused = write_sysctl("net.ipv4.conf.wan0.route_localnet", 1);
    ASSERT_TRUE(refused);
    EXPECT_THAT(write_sysctl("net.ipv4.ip_default_ttl", 0).error().message,
                HasSubstr("net.ipv4.ip_default_ttl = 0: Invalid argument"));
}

TEST_F(SysctlTest, restores_what_was_before_the_first_change) {
    const auto name = ipv4_device_sysctl("wan0", "rp_filter");
    ASSERT_TRUE(change_sysctl(state, name, 1));
    ASSERT_TRUE(change_sysctl(state, name, 2));
    EXPECT_EQ(read_sysctl(name).value(), 2);
    // As by a later process.
    ASSERT_TRUE(restore_sysctls(StateFile(path)));
    EXPECT_EQ(read_sysctl(name).value(), 0);
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(SysctlTest, a_setting_that_was_right_is_not_remembered) {
    ASSERT_TRUE(change_sysctl(state, ipv4_device_sysctl("wan0", "rp_filter"), 0));
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(SysctlTest, leaves_alone_what_somebody_changed_since) {
    const auto name = ipv4_device_sysctl("wan0", "rp_filter");
    ASSERT_TRUE(change_sysctl(state, name, 1));
    ASSERT_TRUE(write_sysctl(name, 2));
    ASSERT_TRUE(restore_sysctls(state));
    EXPECT_EQ(read_sysctl(name).value(), 2);
}

TEST_F(SysctlTest, a_device_that_is_gone_does_not_stop_the_others) {
    ASSERT_TRUE(change_sysctl(state, ipv4_device_sysctl("wan0", "rp_filter"), 1));
    ASSERT_TRUE(change_sysctl(state, ipv4_device_sysctl("lan0", "rp_filter"), 1));
    testing::run("ip link del lan0");
    EXPECT_TRUE(restore_sysctls(state));
    EXPECT_EQ(read_sysctl(ipv4_device_sysctl("wan0", "rp_filter")).value(), 0);
}

TEST_F(SysctlTest, ignores_nonsense_in_the_state) {
    std::ofstream(path) << R"({"sysctls": [7, {"name": 5}, {"name": "net.ipv4.ip_forward"},
        {"name": "net.ipv4.ip_forward", "before": 99999999999999999999, "after": 0},
        {"name": "kernel.hostname", "before": 0, "after": 1}]})";
    EXPECT_FALSE(restore_sysctls(state));
    EXPECT_EQ(read_sysctl("net.ipv4.ip_forward").value(), 0);
}

TEST_F(SysctlTest, nat_needs_forwarding) {
    const auto wrong = wrong_sysctls({{"wan0"}, {"lan0"}, true, false}).value();
    ASSERT_THAT(names(wrong), ElementsAre("net.ipv4.ip_forward"));
    EXPECT_EQ(wrong[0].value, 0);
    EXPECT_EQ(wrong[0].wanted, 1);
    EXPECT_THAT(wrong[0].why, HasSubstr("real servers"));

    ASSERT_TRUE(write_sysctl("net.ipv4.ip_forward", 1));
    ASSERT_TRUE(write_sysctl(ipv4_device_sysctl("lan0", "forwarding"), 0));
    EXPECT_THAT(names(wrong_sysctls({{"wan0"}, {"lan0"}, true, false}).value()),
                ElementsAre("net.ipv4.conf.lan0.forwarding"));
    EXPECT_THAT(wrong_sysctls({{"wan0"}, {"lan0"}, false, true}).value(), IsEmpty());
}

TEST_F(SysctlTest, nat_of_ipv6_needs_its_own_forwarding) {
    const DirectorUse use{.client_devices = {"wan0"}, .server_devices = {"lan0"}, .nat_v6 = true};
    ASSERT_TRUE(write_sysctl("net.ipv6.conf.all.forwarding", 0));
    EXPECT_THAT(names(wrong_sysctls(use).value()), ElementsAre("net.ipv6.conf.all.forwarding"));
    ASSERT_TRUE(write_sysctl("net.ipv6.conf.all.forwarding", 1));
    ASSERT_TRUE(write_sysctl(ipv6_device_sysctl("lan0", "forwarding"), 0));
    EXPECT_THAT(names(wrong_sysctls(use).value()), ElementsAre("net.ipv6.conf.lan0.forwarding"));
    ASSERT_TRUE(write_sysctl(ipv6_device_sysctl("lan0", "forwarding"), 1));
    EXPECT_THAT(wrong_sysctls(use).value(), IsEmpty());
}

TEST_F(SysctlTest, routes_that_routers_advertise_shall_outlive_forwarding) {
    const DirectorUse use{.client_devices = {"wan0"}, .server_devices = {"lan0"}, .nat_v6 = true};
    ASSERT_TRUE(write_sysctl("net.ipv6.conf.all.forwarding", 0));
    ASSERT_TRUE(write_sysctl(ipv6_device_sysctl("wan0", "accept_ra"), 1));
    ASSERT_TRUE(write_sysctl(ipv6_device_sysctl("lan0", "accept_ra"), 1));
    // Whoever has none has nothing to lose.
    EXPECT_THAT(names(wrong_sysctls(use).value()), ElementsAre("net.ipv6.conf.all.forwarding"));
    testing::run("ip -6 route add default via fe80::1 dev wan0 proto ra metric 1024");
    testing::run("ip -6 route add 2001:db8:5::/48 via fe80::2 dev lan0 proto static");
    const auto wrong = wrong_sysctls(use).value();
    const auto found = names(wrong);
    EXPECT_THAT(found, Contains("net.ipv6.conf.wan0.accept_ra"));
    EXPECT_THAT(found, Not(Contains("net.ipv6.conf.lan0.accept_ra")));
    EXPECT_EQ(found.back(), "net.ipv6.conf.all.forwarding");
    EXPECT_THAT(wrong.back().after, ElementsAre("net.ipv6.conf.wan0.accept_ra"));
    EXPECT_EQ(wrong.front().wanted, 2);
    testing::run("ip -6 route flush proto ra");
    testing::run(
        "ip -6 route add default proto ra metric 1024 nexthop via fe80::1 dev wan0 "
        "nexthop via fe80::1 dev lan0");
    EXPECT_EQ(wrong_sysctls(use).value().size(), 3U) << "two routers, one on each";
}

TEST_F(SysctlTest, direct_routing_dislikes_a_strict_reverse_path_filter) {
    const DirectorUse use{{"wan0"}, {"lan0"}, false, true};
    EXPECT_THAT(wrong_sysctls(use).value(), IsEmpty());
    ASSERT_TRUE(write_sysctl("net.ipv4.conf.all.rp_filter", 1));
    EXPECT_THAT(names(wrong_sysctls(use).value()), ElementsAre("net.ipv4.conf.lan0.rp_filter"));
    // The larger of the two holds.
    ASSERT_TRUE(write_sysctl("net.ipv4.conf.lan0.rp_filter", 2));
    EXPECT_THAT(wrong_sysctls(use).value(), IsEmpty());
}

TEST_F(SysctlTest, nat_on_one_network_dislikes_redirects) {
    ASSERT_TRUE(write_sysctl("net.ipv4.ip_forward", 1));
    ASSERT_TRUE(write_sysctl("net.ipv4.conf.all.send_redirects", 0));
    ASSERT_TRUE(write_sysctl("net.ipv4.conf.wan0.send_redirects", 1));
    EXPECT_THAT(names(wrong_sysctls({{"wan0"}, {"wan0"}, true, false}).value()),
                ElementsAre("net.ipv4.conf.wan0.send_redirects"));
    EXPECT_THAT(wrong_sysctls({{"wan0"}, {"lan0"}, true, false}).value(), IsEmpty());
    ASSERT_TRUE(write_sysctl("net.ipv4.conf.all.send_redirects", 1));
    EXPECT_EQ(wrong_sysctls({{"wan0"}, {"wan0"}, true, false}).value().size(), 2U);
}

TEST_F(SysctlTest, setting_all_that_is_wrong_leaves_nothing_wrong) {
    ASSERT_TRUE(write_sysctl("net.ipv4.conf.all.rp_filter", 1));
    const DirectorUse use{{"wan0"}, {"wan0", "lan0", "eth9"}, true, true};
    const auto wrong = wrong_sysctls(use).value();
    EXPECT_GE(wrong.size(), 4U);
    for (const auto& setting : wrong) {
        ASSERT_TRUE(change_sysctl(state, setting.name, setting.wanted)) << setting.name;
    }
    EXPECT_THAT(wrong_sysctls(use).value(), IsEmpty());
    ASSERT_TRUE(restore_sysctls(state));
    EXPECT_EQ(wrong_sysctls(use).value(), wrong);
}

}  // namespace
}  // namespace shoal::net
