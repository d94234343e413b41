#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

#include "dataplane/bpf/kernel_fixture.h"

// More virtual and real servers than usual: their indices take more bits.

namespace shoal::dataplane {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ResultOf;

constexpr int large_pools = 17;
constexpr std::uint32_t of_each = SHOAL_MAX_POOL;
static_assert(large_pools * of_each > 0x10000, "those that come then do not fit into 16 bits");

net::Address numbered(std::uint32_t number) {
    return address(("10." + std::to_string(1 + (number >> 16)) + "." +
                    std::to_string(number >> 8 & 255) + "." + std::to_string(number & 255))
                       .c_str());
}

ServiceKey large_service(int number) {
    auto key = web_service();
    key.address = address("198.51.100.1");
    key.port = static_cast<std::uint16_t>(number + 1);
    return key;
}

/// Takes the first entries of the tables.
std::vector<Operation> large_pools_first() {
    std::vector<Operation> operations;
    for (int pool = 0; pool < large_pools; ++pool) {
        operations.emplace_back(AddService{large_service(pool), {model::Scheduler::rr}});
        for (std::uint32_t server = 0; server < of_each; ++server) {
            auto added = real_server(1);
            added.key.address = numbered(static_cast<std::uint32_t>(pool) * of_each + server);
            operations.emplace_back(AddServer{large_service(pool), added});
        }
    }
    return operations;
}

class ManyServers : public KernelFixture {
  protected:
    BpfOptions room_for_many() const {
        auto wanted = options();
        wanted.real_servers = SHOAL_USUAL_SERVERS + 1;
        return wanted;
    }
    /// With web_service() behind the large pools.
    std::unique_ptr<BpfDataplane> fill() {
        auto dataplane = BpfDataplane::open(room_for_many()).value();
        for (const auto& done : dataplane->apply_all(large_pools_first()))
            EXPECT_TRUE(done) << done.error().message;
        apply(*dataplane, AddService{web_service(), {model::Scheduler::lblc}});
        const net::MacAddress mac{};
        for (const int last : {1, 2}) {
            apply(*dataplane, AddServer{web_service(), real_server(last, 100)});
            EXPECT_TRUE(dataplane->set_next_hop(real_server(last).key.address,
                                                {1, {}, real_server(last).key.address, mac}));
        }
        return dataplane;
    }
};

TEST_F(ManyServers, connections_go_to_those_beyond_the_usual_and_move_with_their_table) {
    auto dataplane = fill();
    // One address keeps its real server with lblc, which remembers its index.
    for (const std::uint16_t port : std::initializer_list<std::uint16_t>{40000, 40001, 40002})
        ASSERT_TRUE(pass_segment(true, port));
    const auto chosen = dataplane->connections({}, 0, 1024)->connections;
    ASSERT_EQ(chosen.size(), 3U);
    const auto real_address = [](const model::Connection& each) { return each.real_address; };
    EXPECT_THAT(chosen, Each(ResultOf(real_address, chosen[0].real_address)));

    dataplane.reset();
    dataplane = BpfDataplane::open(options()).value();
    ASSERT_TRUE(pass_segment(false, 40001));
    apply(*dataplane, SetTableSize{2048});
    while (dataplane->advance().value() != Work::none) {
    }
    const auto moved = dataplane->connections({}, 0, 2048)->connections;
    EXPECT_THAT(moved,
                AllOf(::testing::SizeIs(3), Each(ResultOf(real_address, chosen[0].real_address))));
    ASSERT_TRUE(pass_segment(false, 40002));

    const auto services = dataplane->statistics()->services;
    const auto web = std::ranges::find(services, web_service(), &ServiceLoad::key);
    ASSERT_NE(web, services.end());
    EXPECT_EQ(web->counters.connections, 3U);
    EXPECT_EQ(web->servers[0].counters.connections + web->servers[1].counters.connections, 3U);
    EXPECT_THAT(dataplane->self_check().value(), IsEmpty());
}

TEST_F(ManyServers, where_there_is_no_room_the_remedy_is_named) {
    const auto dataplane = open();
    const auto results = dataplane->apply_all(large_pools_first());
    const auto failed = std::ranges::find_if(results, [](const auto& done) { return !done; });
    ASSERT_NE(failed, results.end());
    EXPECT_THAT(failed->error().message,
                AllOf(HasSubstr("all 16384 entries for real servers"), HasSubstr("shoal stop")));
}

}  // namespace
}  // namespace shoal::dataplane
