#include "dataplane/bpf/device_records.h"

#include <gmock/gmock.h>
#include <net/if.h>

#include "dataplane/bpf/devices.h"
#include "dataplane/bpf/kernel_fixture.h"

namespace shoal::dataplane {
namespace {

constexpr XdpFeatures untold{};
constexpr XdpFeatures takes_none{.known = true};
constexpr XdpFeatures takes_one_buffer{.known = true, .takes_frames = true};
constexpr XdpFeatures takes_all{.known = true, .takes_frames = true, .takes_fragments = true};

TEST(LongestFromXdp, is_what_the_kernel_says_where_it_does) {
    EXPECT_EQ(longest_from_xdp(takes_none, "ixgbe", 9000, true), 0U);
    EXPECT_EQ(longest_from_xdp(takes_one_buffer, "veth", 1400, false), 1400U);
    EXPECT_EQ(longest_from_xdp(takes_one_buffer, "ixgbe", 9000, true), 1500U);
    EXPECT_EQ(longest_from_xdp(takes_all, "veth", 9000, false), 9000U);
}

TEST(LongestFromXdp, on_older_kernels_only_cards_with_our_program_take_frames) {
    EXPECT_EQ(longest_from_xdp(untold, "ixgbe", 1500, true), 1500U);
    EXPECT_EQ(longest_from_xdp(untold, "ixgbe", 1500, false), 0U);
    EXPECT_EQ(longest_from_xdp(untold, "veth", 1500, true), 0U);
}

class DeviceRecordsTest : public KernelFixture {
  protected:
    void SetUp() override {
        KernelFixture::SetUp();
        run("ip link add wan0 address 02:00:00:00:00:51 type veth peer name client0");
        run("ip link set wan0 up && ip link set client0 up");
        dataplane = open();
    }
    shoal_device record() const {
        const Tables tables = pinned_tables();
        return tables.devices[::if_nametoindex("wan0") % SHOAL_MAX_DEVICES];
    }

    std::unique_ptr<BpfDataplane> dataplane;
};

TEST_F(DeviceRecordsTest, a_hooked_device_is_known_by_its_mac) {
    EXPECT_EQ(record().interface, 0U);
    apply(*dataplane, AttachHook{"wan0", model::HookChoice::xdp});
    EXPECT_EQ(record().interface, ::if_nametoindex("wan0"));
    EXPECT_THAT(record().mac, ::testing::ElementsAre(2, 0, 0, 0, 0, 0x51));
    apply(*dataplane, DetachHook{"wan0"});
    EXPECT_EQ(record().interface, 0U);
    EXPECT_EQ(record().mtu, 0U);
}

TEST_F(DeviceRecordsTest, frames_are_sent_only_where_they_are_taken) {
    const bool told = xdp_features(static_cast<int>(::if_nametoindex("wan0"))).known;
    run("ethtool -K client0 gro off");
    apply(*dataplane, AttachHook{"wan0", model::HookChoice::xdp});
    EXPECT_EQ(record().mtu, 0U) << "its peer does not poll";
    run("ethtool -K client0 gro on");
    ASSERT_TRUE(dataplane->observe());
    EXPECT_EQ(record().mtu, told ? 1500U : 0U);
    run("ip link set wan0 mtu 1400");
    ASSERT_TRUE(dataplane->observe());
    EXPECT_EQ(record().mtu, told ? 1400U : 0U);
}

}  // namespace
}  // namespace shoal::dataplane
