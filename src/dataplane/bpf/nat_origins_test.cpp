#include "dataplane/bpf/nat_origins.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/kernel_fixture.h"
#include "dataplane/bpf/map_entries.h"
#include "dataplane/bpf/service_options.h"

namespace shoal::dataplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class NatOriginsTest : public KernelFixture {
  protected:
    /// "10.0.0.1:80 of 192.0.2.80:80" for each entry, sorted.
    std::vector<std::string> origins() const {
        const Tables tables = pinned_tables();
        std::vector<std::string> found;
        const auto read = for_each_entry<shoal_origin_key, shoal_origin>(
            tables.fd("nat_origins"), [&](const shoal_origin_key& key, const shoal_origin& origin) {
                const auto real = server_key(tables.servers[origin.server]);
                EXPECT_EQ(tables.servers[origin.server].address[0], key.address[0]);
                found.push_back(real.to_string() + " of " +
                                key_of(tables.services[origin.service]).to_string());
            });
        EXPECT_TRUE(read);
        std::ranges::sort(found);
        return found;
    }
    static ServiceKey other_service() {
        ServiceKey key = web_service();
        key.port = 8080;
        return key;
    }
};

TEST_F(NatOriginsTest, hold_real_servers_of_one_virtual_server) {
    const auto dataplane = open();
    apply(*dataplane, AddService{web_service(), {}});
    EXPECT_THAT(origins(), IsEmpty());
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    apply(*dataplane, AddServer{web_service(), real_server(2)});
    EXPECT_THAT(origins(), ElementsAre("10.0.0.1:80 of tcp 192.0.2.80:80",
                                       "10.0.0.2:80 of tcp 192.0.2.80:80"));
    apply(*dataplane, RemoveServer{web_service(), real_server(2).key});
    EXPECT_THAT(origins(), ElementsAre("10.0.0.1:80 of tcp 192.0.2.80:80"));
    apply(*dataplane, RemoveService{web_service()});
    EXPECT_THAT(origins(), IsEmpty());
}

TEST_F(NatOriginsTest, leave_out_those_of_two) {
    const auto dataplane = open();
    apply(*dataplane, AddService{web_service(), {}});
    apply(*dataplane, AddServer{web_service(), real_server(1)});
    apply(*dataplane, AddServer{web_service(), real_server(2)});
    apply(*dataplane, AddService{other_service(), {}});
    apply(*dataplane, AddServer{other_service(), real_server(1)});
    EXPECT_THAT(origins(), ElementsAre("10.0.0.2:80 of tcp 192.0.2.80:80"));
    apply(*dataplane, RemoveServer{web_service(), real_server(1).key});
    EXPECT_THAT(origins(), ElementsAre("10.0.0.1:80 of tcp 192.0.2.80:8080",
                                       "10.0.0.2:80 of tcp 192.0.2.80:80"));
}

TEST_F(NatOriginsTest, leave_out_direct_routing_and_addresses_that_serve_many_ports) {
    const auto dataplane = open();
    Server direct = real_server(1);
    direct.method = model::ForwardingMethod::direct;
    apply(*dataplane, AddService{web_service(), {}});
    apply(*dataplane, AddServer{web_service(), direct});
    apply(*dataplane, AddServer{web_service(), real_server(2)});
    EXPECT_THAT(origins(), ElementsAre("10.0.0.2:80 of tcp 192.0.2.80:80"));
    ServiceKey mark;
    mark.mark = 7;
    apply(*dataplane, AddService{mark, {}});
    apply(*dataplane, AddServer{mark, real_server(2)});
    EXPECT_THAT(origins(), IsEmpty());
}

TEST_F(NatOriginsTest, are_found_again) {
    {
        const auto dataplane = open();
        apply(*dataplane, AddService{web_service(), {}});
        apply(*dataplane, AddServer{web_service(), real_server(1)});
    }
    // As a shoald that was killed in between may leave it.
    const Tables tables = pinned_tables();
    shoal_origin_key stale{};
    stale.port = 1;
    stale.family = 4;
    const shoal_origin origin{};
    ASSERT_EQ(bpf_map_update_elem(tables.fd("nat_origins"), &stale, &origin, BPF_ANY), 0);
    const auto dataplane = open();
    EXPECT_THAT(origins(), ElementsAre("10.0.0.1:80 of tcp 192.0.2.80:80"));
    apply(*dataplane, RemoveServer{web_service(), real_server(1).key});
    EXPECT_THAT(origins(), IsEmpty());
}

TEST_F(NatOriginsTest, the_next_virtual_server_of_an_entry_has_served_nothing_statelessly) {
    const auto dataplane = open();
    const Tables tables = pinned_tables();
    const std::uint64_t long_ago = 1;
    for (std::uint32_t index = 0; index < SHOAL_USUAL_SERVICES; ++index)
        ASSERT_EQ(bpf_map_update_elem(tables.fd("stateless_times"), &index, &long_ago, BPF_ANY), 0);
    apply(*dataplane, AddService{web_service(), {}});
    for (std::uint32_t index = 0; index < SHOAL_USUAL_SERVICES; ++index) {
        if (tables.services[index].in_use == 0) continue;
        std::uint64_t time = 1;
        ASSERT_EQ(bpf_map_lookup_elem(tables.fd("stateless_times"), &index, &time), 0);
        EXPECT_EQ(time, 0U);
    }
}

}  // namespace
}  // namespace shoal::dataplane
