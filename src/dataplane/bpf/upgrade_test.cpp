#include <bpf/bpf.h>
#include <gmock/gmock.h>

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>

#include "dataplane/bpf/devices.h"
#include "dataplane/bpf/installation.h"
#include "dataplane/bpf/moving_tables.h"
#include "dataplane/bpf/pin_directory.h"
#include "dataplane/bpf/record_layout.h"
#include "dataplane/bpf/tc_filters.h"
#include "other_tc.skel.h"
#include "other_tc6.skel.h"

// A shoald that finds the tables of another version.

namespace shoal::dataplane {
namespace {

using ::testing::HasSubstr;

/// tests/other_version is the version after this one.
constexpr std::uint32_t other_version = SHOAL_ABI_VERSION + 1;
constexpr std::uint32_t cells = 1024;

void put_number(std::span<std::byte> record, std::size_t offset, std::uint32_t number) {
    std::memcpy(&record[offset], &number, sizeof number);
}

/// A packet path of the other version on maps of its own, where `present` has none that it needs.
class OtherVersion {
  public:
    explicit OtherVersion(const PinDirectory& pins) : pins_(&pins) {
        take(*tc_);
        load(*tc_);
        fill();
        take(*tc6_);
        load(*tc6_);
        const std::uint32_t only = 0;
        const int ipv6 = bpf_program__fd(tc6_->progs.shoal_ipv6_tc);
        if (bpf_map_update_elem(fd("ipv6_tc"), &only, &ipv6, BPF_ANY) != 0)
            throw std::runtime_error("handing over to the programs of IPv6");
    }
    /// In the place of what is pinned, but for what goes from one version to another.
    void pin() const {
        bpf_map* map = nullptr;
        bpf_object__for_each_map(map, tc_->obj) {
            const std::string name = bpf_map__name(map);
            if (is_own(name) && !bpf_map__is_internal(map)) put(name, bpf_map__fd(map));
        }
        put("a_map_that_this_version_has_not", fd("arrivals"));
        for (const auto* object : {tc_->obj, tc6_->obj}) {
            bpf_program* program = nullptr;
            bpf_object__for_each_program(program, object) {
                put(bpf_program__name(program), bpf_program__fd(program));
            }
        }
        const auto started = run_program(bpf_program__fd(tc_->progs.start_sweeper), 0);
        if (!started || *started != 0) throw std::runtime_error("starting the sweeper");
    }

  private:
    static bool is_own(std::string_view map) {
        return belongs_to_table(map) || belongs_to_version(map) || map == "verdicts";
    }
    int fd(const char* map) const { return bpf_object__find_map_fd_by_name(tc_->obj, map); }
    void take(const auto& skeleton) const {
        bpf_map* map = nullptr;
        bpf_object__for_each_map(map, skeleton.obj) {
            const std::string name = bpf_map__name(map);
            if (name == "connections" || name == "free_cells") bpf_map__set_max_entries(map, cells);
            if (name == "flow_index") bpf_map__set_max_entries(map, cells / 4);
            if (name == "overflow") bpf_map__set_max_entries(map, 64);
            if (bpf_map__is_internal(map)) continue;
            if (is_own(name)) {
                if (fd(name.c_str()) >= 0) bpf_map__reuse_fd(map, fd(name.c_str()));
                continue;
            }
            const auto common = pins_->get(name).value();
            if (common) bpf_map__reuse_fd(map, common.get());
        }
    }
    static void load(const auto& skeleton) {
        skeleton.rodata->shoal_cell_mask = cells - 1;
        skeleton.rodata->shoal_bucket_mask = cells / 4 - 1;
        if (bpf_object__load_skeleton(skeleton.skeleton) != 0)
            throw std::runtime_error("loading the other version");
    }
    void put(const std::string& name, int descriptor) const {
        if (!pins_->unpin(name) || !pins_->pin(name, descriptor))
            throw std::runtime_error("pinning " + name);
    }
    /// As fill_fresh_tables() of that version.
    void fill() const {
        const auto layout = RecordLayout::of_map(fd("connections")).value();
        std::vector<std::byte> record(layout.size());
        put_number(record, layout.offset("word").value(), SHOAL_STATE_FREE);
        for (std::uint32_t cell = 0; cell < cells; ++cell) {
            bpf_map_update_elem(fd("connections"), &cell, record.data(), BPF_ANY);
            const std::uint32_t next = cell + 1;
            if (next < cells) bpf_map_update_elem(fd("free_cells"), &cell, &next, BPF_ANY);
        }
        const auto ring = MappedArray<shoal_free_ring>::map(fd("free_ring"), 1).value();
        ring[0].tail = ring[0].written = ring[0].resting = cells - 1;
        fill_settings();
    }
    void fill_settings() const {
        const auto layout = RecordLayout::of_map(fd("settings")).value();
        std::vector<std::byte> record(layout.size());
        const auto put_member = [&](const char* name, std::uint32_t number) {
            put_number(record, layout.offset(name).value(), number);
        };
        put_member("abi_version", other_version);
        put_member("common_version", SHOAL_COMMON_VERSION);
        put_member("cells", cells);
        put_member("buckets", cells / 4);
        put_member("hz", kernel_hz());
        for (std::size_t state = 0; state < SHOAL_STATES; ++state)
            put_number(record, layout.offset("timeout").value() + 4 * state, 3600 * kernel_hz());
        const std::uint32_t only = 0;
        bpf_map_update_elem(fd("settings"), &only, record.data(), BPF_ANY);
    }

    const PinDirectory* pins_;
    std::unique_ptr<other_tc, void (*)(other_tc*)> tc_{other_tc::open(), other_tc::destroy};
    std::unique_ptr<other_tc6, void (*)(other_tc6*)> tc6_{other_tc6::open(), other_tc6::destroy};
};

class UpgradeTest : public MovingTables {
  protected:
    /// The pins of a data plane without connections become those of another version's.
    void become_another_version() {
        dataplane.reset();
        const auto directory = PinDirectory::open(pins()).value();
        OtherVersion(directory).pin();
    }
    NumberRecord settings() const {
        const auto directory = PinDirectory::open(pins()).value();
        return NumberRecord::read(directory.get(commit_marker).value().get()).value();
    }
    void change_version(const char* member, std::uint32_t number) const {
        const auto directory = PinDirectory::open(pins()).value();
        const auto marker = directory.get(commit_marker).value();
        ASSERT_TRUE(NumberRecord::read(marker.get())->put(member, number));
    }
};

TEST(Maps, each_belongs_to_a_table_to_a_version_or_goes_on) {
    // To these a new version must find back: a change of their layout raises SHOAL_COMMON_VERSION.
    const std::set<std::string> go_on{"access_list",      "address_filter",  "devices",
                                      "former_counters",  "former_verdicts", "ftp_controls",
                                      "nat_origins",      "no_locality",     "pools",
                                      "scheduler_state",  "server_counters", "server_details",
                                      "server_loads",     "server_table",    "server_templates",
                                      "service_counters", "service_ports",   "service_table",
                                      "services",         "stateless_times", "verdicts"};
    for (const std::string& name : map_names().value()) {
        EXPECT_EQ(belongs_to_table(name) + belongs_to_version(name) + go_on.contains(name), 1)
            << name;
    }
}

TEST_F(UpgradeTest, what_goes_on_has_the_shape_that_it_had) {
    // Bytes of a key and of a value, and entries. Another shape here raises SHOAL_COMMON_VERSION.
    const std::map<std::string, std::array<std::uint32_t, 3>> shapes{
        {"access_list", {24, 4, 1048576}},   {"address_filter", {4, 16384, 1}},
        {"devices", {4, 16, 4096}},          {"former_counters", {4, 64, 1}},
        {"former_verdicts", {4, 8, 256}},    {"ftp_controls", {32, 32, 65536}},
        {"nat_origins", {20, 8, 16384}},     {"pools", {4, 4, 4096}},
        {"scheduler_state", {4, 8, 4096}},   {"server_counters", {4, 64, 16384}},
        {"server_details", {4, 32, 16384}},  {"server_loads", {4, 32, 16384}},
        {"server_table", {4, 64, 16384}},    {"server_templates", {4, 8, 16384}},
        {"service_counters", {4, 64, 4096}}, {"service_ports", {24, 4, 1048576}},
        {"service_table", {4, 64, 4096}},    {"services", {24, 4, 4096}},
        {"stateless_times", {4, 8, 4097}},
    };
    serve();
    const auto directory = PinDirectory::open(pins()).value();
    for (const auto& [name, shape] : shapes) {
        const auto map = directory.get(name).value();
        bpf_map_info info{};
        __u32 length = sizeof info;
        ASSERT_EQ(bpf_obj_get_info_by_fd(map.get(), &info, &length), 0) << name;
        EXPECT_EQ((std::array{info.key_size, info.value_size, info.max_entries}), shape) << name;
    }
}

TEST_F(UpgradeTest, connections_of_another_layout_move_to_this_one) {
    serve();
    become_another_version();
    std::array<int, 100> servers{};
    for (std::uint16_t i = 0; i < servers.size(); ++i) {
        servers[i] = open_connection(static_cast<std::uint16_t>(2000 + i));
        ASSERT_NE(servers[i], 0);
    }
    dataplane = open();
    EXPECT_TRUE(dataplane->adopted());
    EXPECT_EQ(dataplane->statistics()->table.former_size, cells);
    for (std::uint16_t i = 0; i < servers.size(); ++i)
        EXPECT_EQ(send({.from_port = static_cast<std::uint16_t>(2000 + i)}), servers[i]);
    EXPECT_NE(open_connection(3000), 0);
    finish(*dataplane);
    expect_one_table(cells);
    EXPECT_EQ(active(), 101U);
    for (std::uint16_t i = 0; i < servers.size(); ++i)
        EXPECT_EQ(send({.from_port = static_cast<std::uint16_t>(2000 + i)}), servers[i]);
    for (const auto& connection : dataplane->connections({}, 0, cells)->connections) {
        EXPECT_EQ(connection.state, "ESTABLISHED");
        EXPECT_EQ(connection.client, address("198.51.100.7"));
    }
    EXPECT_FALSE(std::filesystem::exists(pins() / "a_map_that_this_version_has_not"));
}

TEST_F(UpgradeTest, settings_and_counts_of_verdicts_go_on) {
    serve();
    become_another_version();
    change_version("secure_tcp", 1);
    change_version("route_generation", 7);
    EXPECT_NE(open_connection(2000), 0);
    const auto sent = [&] {
        send({.from_port = 2000});
        const auto verdicts = dataplane->statistics()->verdicts;
        return verdicts[SHOAL_VERDICT_forwarded].packets;
    };
    dataplane = open();
    EXPECT_EQ(sent(), 2U);
    dataplane = nullptr;
    dataplane = open();
    EXPECT_EQ(sent(), 3U);
    finish(*dataplane);
    EXPECT_EQ(sent(), 4U);
    EXPECT_EQ(dataplane->statistics()->verdicts[SHOAL_VERDICT_new_connection].packets, 1U);
    EXPECT_TRUE(dataplane->observe()->secure_tcp);
    EXPECT_EQ(dataplane->observe()->timeouts.established, std::chrono::hours(1));
    EXPECT_EQ(pinned_tables().settings[0].route_generation, 7U);
}

TEST_F(UpgradeTest, connections_of_ipv6_move_too) {
    serve();
    ServiceOptions persistent;
    persistent.persistence = model::Persistence{.timeout = std::chrono::seconds(300)};
    add_ipv6(persistent);
    become_another_version();
    std::array<int, 60> servers{};
    for (std::uint16_t i = 0; i < servers.size(); ++i)
        servers[i] = send_ipv6(static_cast<std::uint16_t>(2000 + i), syn);
    ASSERT_NE(servers[0], 0);
    const int other = open_connection(2000);
    dataplane = open();
    for (const bool moved : {false, true}) {
        if (moved) finish(*dataplane);
        for (std::uint16_t i = 0; i < servers.size(); ++i)
            ASSERT_EQ(send_ipv6(static_cast<std::uint16_t>(2000 + i), ack), servers[0]) << i;
        EXPECT_EQ(send({.from_port = 2000}), other);
        EXPECT_EQ(send_ipv6(moved ? 4001 : 4000, syn), servers[0]) << "one client, one template";
    }
    expect_one_table(cells);
    EXPECT_EQ(active(), 63U);
}

TEST_F(UpgradeTest, a_kill_meanwhile_is_followed_by_the_rest) {
    serve();
    become_another_version();
    const int server = open_connection(2000);
    dataplane = open();
    dataplane.reset();
    EXPECT_EQ(send({.from_port = 2000}), server);
    dataplane = open();
    finish(*dataplane);
    expect_one_table(cells);
    EXPECT_EQ(send({.from_port = 2000}), server);
}

TEST_F(UpgradeTest, a_table_that_another_version_prepared_and_did_not_use_is_dropped) {
    serve();
    const int server = open_connection(2000);
    const auto directory = PinDirectory::open(pins()).value();
    ASSERT_TRUE(make_successor(directory, pinned_tables().maps, settings(), {cells}));
    const auto marker = directory.get("successor/settings").value();
    ASSERT_TRUE(NumberRecord::read(marker.get())->put("abi_version", other_version));
    dataplane = open();
    expect_one_table(cells);
    EXPECT_EQ(send({.from_port = 2000}), server);
}

TEST_F(UpgradeTest, what_fails_before_the_first_connection_moves_leaves_nothing) {
    serve();
    become_another_version();
    const int server = open_connection(2000);
    run("ip link add wan0 type bridge");
    const auto directory = PinDirectory::open(pins()).value();
    const auto records = directory.get("connections").value();
    const Device device = find_device("wan0").value();
    const auto program = directory.get("shoal_tc").value();
    ASSERT_TRUE(attach_tc(device, program.get(), model::HookChoice::tc));
    // What an attempt that was killed has left behind.
    ASSERT_TRUE(attach_tc(device, program.get(), model::HookChoice::tc, Place::behind));
    const Descriptor without_types(
        bpf_map_create(BPF_MAP_TYPE_ARRAY, "connections", 4, 128, cells, nullptr));
    ASSERT_TRUE(directory.unpin("connections"));
    ASSERT_TRUE(directory.pin("connections", without_types.get()));
    for (int attempt = 0; attempt < 2; ++attempt) {
        const auto refused = BpfDataplane::open(options());
        ASSERT_FALSE(refused);
        EXPECT_THAT(refused.error().message, HasSubstr("no types"));
        EXPECT_FALSE(std::filesystem::exists(pins() / successor_directory));
        EXPECT_EQ(list_tc_filters(device)->ours.size(), 1U);
    }
    ASSERT_TRUE(directory.unpin("connections"));
    ASSERT_TRUE(directory.pin("connections", records.get()));
    EXPECT_EQ(send({.from_port = 2000}), server);
    dataplane = open();
    finish(*dataplane);
    EXPECT_EQ(send({.from_port = 2000}), server);
}

TEST_F(UpgradeTest, a_move_to_another_version_is_left_to_that_one) {
    serve();
    const int server = open_connection(2000);
    const auto directory = PinDirectory::open(pins()).value();
    resize(2048);
    dataplane.reset();
    const auto marker = directory.get("successor/settings").value();
    ASSERT_TRUE(NumberRecord::read(marker.get())->put("abi_version", other_version));
    const auto refused = BpfDataplane::open(options());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("let the shoald that began it finish"));
    EXPECT_EQ(send({.from_port = 2000}), server);
}

TEST_F(UpgradeTest, what_else_has_another_layout_is_refused_and_stays) {
    serve();
    const int server = open_connection(2000);
    dataplane.reset();
    change_version("abi_version", other_version);
    change_version("common_version", SHOAL_COMMON_VERSION + 1);
    const auto directory = PinDirectory::open(pins()).value();
    ASSERT_TRUE(make_successor(directory, pinned_tables().maps, settings(), {cells}));
    const auto marker = directory.get("successor/settings").value();
    ASSERT_TRUE(NumberRecord::read(marker.get())->put("abi_version", other_version));
    const auto refused = BpfDataplane::open(options());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("withdraw it with the shoald that made it"));
    EXPECT_TRUE(std::filesystem::exists(pins() / successor_directory / "settings"));
    EXPECT_EQ(send({.from_port = 2000}), server);
}

}  // namespace
}  // namespace shoal::dataplane
