#include "dataplane/bpf/hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <net/if.h>

#include <array>

#include "dataplane/bpf/kernel_fixture.h"

namespace shoal::dataplane {
namespace {

using model::HookChoice;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A program that passes every packet, under the name of ours.
Descriptor load_program(bpf_prog_type type, const char* name, int verdict) {
    const auto code = std::to_array<bpf_insn>(
        {{.code = BPF_ALU64 | BPF_MOV | BPF_K,
          .dst_reg = 0,
          .src_reg = 0,
          .off = 0,
          .imm = verdict},
         {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}});
    return Descriptor(bpf_prog_load(type, name, "Dual BSD/GPL", code.data(), code.size(), nullptr));
}

Descriptor load_tc(const char* name = "shoal_tc") {
    return load_program(BPF_PROG_TYPE_SCHED_CLS, name, TC_ACT_UNSPEC);
}
Descriptor load_xdp(const char* name = "shoal_xdp") {
    return load_program(BPF_PROG_TYPE_XDP, name, XDP_PASS);
}
std::vector<Descriptor> list_of(Descriptor one) {
    std::vector<Descriptor> list;
    list.push_back(std::move(one));
    return list;
}

class HooksTest : public KernelFixture {
  protected:
    void SetUp() override {
        KernelFixture::SetUp();
        run("ip link add wan0 type veth peer name client0");
        run("ip link add br0 type bridge");
        run("ip link set wan0 up && ip link set client0 up && ip link set br0 up");
    }

    /// Somebody else's filter, with a program of another name.
    void add_foreign_filter(const char* device, const char* side) const {
        const auto pin = pins().parent_path() / "foreign";
        ASSERT_EQ(bpf_obj_pin(load_tc("foreign").get(), pin.c_str()), 0);
        run("tc filter add dev " + std::string(device) + " " + side +
            " prio 7 bpf direct-action object-pinned " + pin.string());
    }
    static void attach_foreign_xdp(const char* device) {
        const Descriptor theirs = load_xdp("foreign");
        const auto index = static_cast<int>(::if_nametoindex(device));
        ASSERT_EQ(bpf_xdp_attach(index, theirs.get(), XDP_FLAGS_DRV_MODE, nullptr), 0);
    }
    static std::uint32_t filter_program(const char* device) {
        return list_tc_filters(*find_device(device))->ours.at(0).program;
    }
    static std::string filters(const char* device) {
        return output_of(std::string("tc filter show dev ") + device + " ingress");
    }
    static std::string qdiscs(const char* device) {
        return output_of(std::string("tc qdisc show dev ") + device);
    }
    static std::string link(const char* device) {
        return output_of(std::string("ip -details link show dev ") + device);
    }
    void attach(const char* device, HookChoice choice) {
        const auto done = hooks.attach({device, choice});
        EXPECT_TRUE(done) << done.error().message;
    }
    void detach(const char* device) {
        const auto done = hooks.detach({device});
        EXPECT_TRUE(done) << done.error().message;
    }
    Hook hook_of(const char* device) const { return hooks.observe()->at(device); }

    Descriptor tc = load_tc();
    Descriptor xdp = load_xdp();
    Hooks hooks{tc.get(), XdpPrograms(xdp.get(), {})};
};

TEST_F(HooksTest, a_veth_is_served_at_tc) {
    attach("wan0", HookChoice::automatic);
    EXPECT_THAT(filters("wan0"), HasSubstr("shoal_tc"));
    EXPECT_THAT(link("wan0"), Not(HasSubstr("xdp")));
    const Hook hook = hook_of("wan0");
    EXPECT_EQ(hook.wanted, HookChoice::automatic);
    EXPECT_EQ(hook.attached, HookChoice::tc);
    EXPECT_EQ(hook.reason, "veth: bulk packets keep their offloads at tc");
}

TEST_F(HooksTest, detaching_takes_the_qdisc_along_that_was_made) {
    attach("wan0", HookChoice::tc);
    EXPECT_THAT(qdiscs("wan0"), HasSubstr("clsact"));
    detach("wan0");
    EXPECT_THAT(qdiscs("wan0"), Not(HasSubstr("clsact")));
    EXPECT_THAT(*hooks.observe(), IsEmpty());
}

TEST_F(HooksTest, foreign_filters_and_qdiscs_are_left_alone) {
    run("tc qdisc add dev br0 clsact");
    run("tc qdisc add dev wan0 clsact");
    add_foreign_filter("wan0", "egress");
    for (const char* device : {"wan0", "br0"}) {
        attach(device, HookChoice::tc);
        detach(device);
        EXPECT_THAT(qdiscs(device), HasSubstr("clsact"));
    }
    EXPECT_THAT(output_of("tc filter show dev wan0 egress"), HasSubstr("name foreign"));
}

TEST_F(HooksTest, a_qdisc_of_ours_stays_while_somebody_uses_it) {
    attach("wan0", HookChoice::tc);
    add_foreign_filter("wan0", "ingress");
    detach("wan0");
    EXPECT_THAT(filters("wan0"), HasSubstr("name foreign"));
    EXPECT_THAT(filters("wan0"), Not(HasSubstr("shoal_tc")));
}

TEST_F(HooksTest, forced_xdp_is_native_with_tc_behind_it) {
    attach("wan0", HookChoice::xdp);
    EXPECT_EQ(hook_of("wan0").attached, HookChoice::xdp);
    EXPECT_THAT(link("wan0"), HasSubstr("prog/xdp"));
    EXPECT_THAT(link("wan0"), Not(HasSubstr("xdpgeneric")));
    EXPECT_THAT(filters("wan0"), HasSubstr("shoal_tc"));
}

TEST_F(HooksTest, a_changed_hook_goes_from_xdp_to_tc_and_back) {
    for (const auto choice : {HookChoice::xdp, HookChoice::tc, HookChoice::xdp}) {
        attach("wan0", choice);
        const Hook hook = hook_of("wan0");
        EXPECT_EQ(hook.wanted, choice);
        EXPECT_EQ(hook.attached, choice);
    }
    EXPECT_THAT(filters("wan0"), HasSubstr("shoal_tc"));
    detach("wan0");
    EXPECT_THAT(link("wan0"), Not(HasSubstr("prog/xdp")));
    EXPECT_THAT(qdiscs("wan0"), Not(HasSubstr("clsact")));
}

TEST_F(HooksTest, xdp_refused_by_the_kernel_falls_back_with_its_reason) {
    attach("br0", HookChoice::xdp);
    const Hook hook = hook_of("br0");
    EXPECT_EQ(hook.wanted, HookChoice::xdp);
    EXPECT_EQ(hook.attached, HookChoice::tc);
    EXPECT_THAT(hook.reason, HasSubstr("XDP refused: "));
    EXPECT_THAT(hook.reason, HasSubstr("driver"));
    EXPECT_THAT(filters("br0"), HasSubstr("shoal_tc"));
}

TEST_F(HooksTest, those_of_an_earlier_run_get_the_new_programs_and_keep_their_kind) {
    attach("wan0", HookChoice::xdp);
    attach("br0", HookChoice::automatic);
    const std::string before = filters("wan0");
    const Descriptor new_tc = load_tc();
    const Descriptor new_xdp = load_xdp();
    Hooks adopting(new_tc.get(), XdpPrograms(new_xdp.get(), list_of(std::move(xdp))));
    EXPECT_THAT(*adopting.observe(), IsEmpty());
    ASSERT_TRUE(adopting.replace_programs());
    EXPECT_NE(filters("wan0"), before);

    const Hooks later(new_tc.get(), XdpPrograms(new_xdp.get(), {}));
    const auto found = later.observe().value();
    EXPECT_EQ(found.at("wan0").wanted, HookChoice::xdp);
    EXPECT_EQ(found.at("wan0").attached, HookChoice::xdp) << "the new program is not attached";
    EXPECT_EQ(found.at("br0").wanted, HookChoice::automatic);
    EXPECT_EQ(found.at("br0").attached, HookChoice::tc);
    ASSERT_TRUE(adopting.detach({"wan0"}));
    EXPECT_THAT(qdiscs("wan0"), Not(HasSubstr("clsact")));
}

TEST_F(HooksTest, another_xdp_program_is_left_alone) {
    attach_foreign_xdp("client0");
    const std::string before = link("client0");
    attach("client0", HookChoice::xdp);
    EXPECT_EQ(hook_of("client0").attached, HookChoice::tc);
    EXPECT_EQ(hook_of("client0").reason, "XDP refused: another XDP program is attached");
    detach("client0");
    EXPECT_EQ(link("client0"), before);
}

TEST_F(HooksTest, what_a_run_with_other_pins_left_is_no_hook_and_is_replaced) {
    attach("wan0", HookChoice::xdp);
    const Descriptor new_tc = load_tc();
    const Descriptor new_xdp = load_xdp();
    Hooks later(new_tc.get(), XdpPrograms(new_xdp.get(), {}));
    EXPECT_THAT(*later.observe(), IsEmpty());
    ASSERT_TRUE(later.attach({"wan0", HookChoice::xdp}));
    EXPECT_EQ(later.observe()->at("wan0").attached, HookChoice::xdp);
    EXPECT_EQ(filter_program("wan0"), program_id(new_tc.get()));
    ASSERT_TRUE(later.detach({"wan0"}));
    EXPECT_THAT(link("wan0"), Not(HasSubstr("prog/xdp")));
}

TEST_F(HooksTest, withdrawal_detaches_from_every_device) {
    attach("wan0", HookChoice::xdp);
    attach("br0", HookChoice::automatic);
    ASSERT_TRUE(hooks.detach_all());
    for (const char* device : {"wan0", "br0"}) {
        EXPECT_THAT(qdiscs(device), Not(HasSubstr("clsact")));
        EXPECT_THAT(link(device), Not(HasSubstr("prog/xdp")));
    }
}

/// Two cards do XDP; then a bridge comes along that XDP cannot send to. A veth plays the card.
TEST_F(HooksTest, automatic_xdp_needs_every_hooked_device_to_do_it) {
    Hooks cards(tc.get(), XdpPrograms(xdp.get(), {}),
                [](std::string_view driver) { return driver == "veth"; });
    for (const char* device : {"wan0", "client0"}) {
        ASSERT_TRUE(cards.attach({device, HookChoice::automatic}));
        EXPECT_EQ(cards.observe()->at(device).attached, HookChoice::xdp);
    }
    EXPECT_EQ(cards.observe()->at("wan0").reason, "veth: native XDP");
    ASSERT_TRUE(cards.attach({"client0", HookChoice::xdp}));

    ASSERT_TRUE(cards.attach({"br0", HookChoice::automatic}));
    EXPECT_EQ(cards.observe()->at("wan0").attached, HookChoice::tc);
    EXPECT_EQ(cards.observe()->at("wan0").reason, "br0 takes no packets from XDP");
    EXPECT_EQ(cards.observe()->at("client0").attached, HookChoice::xdp);
    EXPECT_EQ(cards.observe()->at("br0").reason, "bridge: bulk packets keep their offloads at tc");
}

TEST_F(HooksTest, a_refusal_keeps_every_automatic_device_at_tc_until_it_is_gone) {
    Hooks cards(tc.get(), XdpPrograms(xdp.get(), {}),
                [](std::string_view driver) { return driver == "veth"; });
    attach_foreign_xdp("client0");
    ASSERT_TRUE(cards.attach({"wan0", HookChoice::automatic}));
    EXPECT_EQ(cards.observe()->at("wan0").attached, HookChoice::xdp);
    ASSERT_TRUE(cards.attach({"client0", HookChoice::automatic}));
    EXPECT_EQ(cards.observe()->at("wan0").attached, HookChoice::tc);
    EXPECT_EQ(cards.observe()->at("wan0").reason, "client0 takes no packets from XDP");
    EXPECT_EQ(cards.observe()->at("client0").reason,
              "XDP refused: another XDP program is attached");
    ASSERT_TRUE(cards.detach({"client0"}));
    EXPECT_EQ(cards.observe()->at("wan0").attached, HookChoice::xdp);
}

TEST_F(HooksTest, adoption_takes_xdp_back_where_a_device_went_without) {
    Hooks cards(tc.get(), XdpPrograms(xdp.get(), {}),
                [](std::string_view driver) { return driver == "veth"; });
    ASSERT_TRUE(cards.attach({"wan0", HookChoice::automatic}));
    ASSERT_TRUE(attach_tc(*find_device("client0"), tc.get(), HookChoice::automatic));
    ASSERT_TRUE(cards.replace_programs());
    EXPECT_EQ(cards.observe()->at("wan0").attached, HookChoice::tc);
    EXPECT_EQ(cards.observe()->at("wan0").reason, "XDP was refused on a hooked device");
}

TEST_F(HooksTest, unknown_devices_are_named) {
    EXPECT_EQ(hooks.attach({"wan9", HookChoice::tc}).error().message, "there is no device wan9");
}

TEST(Drivers, virtual_devices_have_no_good_native_xdp) {
    for (const char* driver : {"veth", "bridge", "bonding", "802.1Q VLAN Support", "tun", "macvlan",
                               "vxlan", "wireguard", ""}) {
        EXPECT_FALSE(has_good_native_xdp(driver)) << driver;
    }
    for (const char* driver : {"ixgbe", "mlx5_core", "virtio_net", "ena", "atlantic"}) {
        EXPECT_TRUE(has_good_native_xdp(driver)) << driver;
    }
}

}  // namespace
}  // namespace shoal::dataplane
