#include "director/surroundings.h"

#include <gmock/gmock.h>
#include <sched.h>

#include <filesystem>
#include <fstream>

#include "net/testing_network.h"

namespace shoal::director {
namespace {

using ::testing::HasSubstr;

class Surroundings : public net::testing::TwoLinks {
  protected:
    Surroundings() {
        EXPECT_EQ(unshare(CLONE_NEWNS), 0) << "these tests need root";
        net::testing::run("mount --make-rprivate /");
        EXPECT_TRUE(net::write_sysctl("net.ipv6.conf.all.forwarding", 0));
        EXPECT_TRUE(net::write_sysctl("net.ipv6.conf.wan0.accept_ra", 1));
        net::testing::run("ip -6 route add default via fe80::1 dev wan0 proto ra metric 1024");
        configuration.global.manage_sysctl = true;
        model::VirtualServer service;
        service.address.address = net::Address::parse("2001:db8::80").value();
        service.device.device = "wan0";
        service.real_servers.emplace_back().address = net::Address::parse("2001:db8:1::1").value();
        configuration.virtual_servers.push_back(service);
    }
    ~Surroundings() override { std::filesystem::remove(path); }
    std::vector<std::string> problems() const {
        return sysctl_problems(configuration, {}, net::StateFile(path));
    }

    std::filesystem::path path =
        ::testing::TempDir() + "/shoal-surroundings-" + std::to_string(getpid()) + ".json";
    model::Configuration configuration;
};

TEST_F(Surroundings, routes_that_routers_advertise_are_kept_before_it_forwards) {
    EXPECT_THAT(problems(), ::testing::IsEmpty());
    EXPECT_EQ(net::read_sysctl("net.ipv6.conf.wan0.accept_ra").value(), 2);
    EXPECT_EQ(net::read_sysctl("net.ipv6.conf.all.forwarding").value(), 1);
    net::testing::run("ip -6 route show default proto ra | grep -q fe80::1");
}

TEST_F(Surroundings, it_does_not_forward_where_those_routes_would_be_lost) {
    const std::filesystem::path setting = "/proc/sys/net/ipv6/conf/wan0/accept_ra";
    const std::filesystem::path fixed = path.string() + ".fixed";
    std::ofstream(fixed) << "1\n";
    net::testing::run("mount --bind " + fixed.string() + " " + setting.string() +
                      " && mount -o remount,bind,ro " + setting.string());
    const auto found = problems();
    net::testing::run("umount " + setting.string());
    std::filesystem::remove(fixed);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_THAT(found[0], HasSubstr("Read-only file system"));
    EXPECT_THAT(found[1], HasSubstr("left alone because of net.ipv6.conf.wan0.accept_ra"));
    EXPECT_EQ(net::read_sysctl("net.ipv6.conf.all.forwarding").value(), 0);
}

}  // namespace
}  // namespace shoal::director
