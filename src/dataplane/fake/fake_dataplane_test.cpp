#include "dataplane/fake/fake_dataplane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shoal::dataplane {
namespace {

using ::testing::ElementsAre;

net::Address address(const char* text) {
    return net::Address::parse(text).value();
}

const ServiceKey web{model::Protocol::tcp, address("192.0.2.80"), 80};

Server server(const char* text) {
    return Server{{address(text), 80}, 1, model::ForwardingMethod::nat};
}

TEST(FakeDataplane, puts_a_new_server_at_the_head) {
    FakeDataplane fake;
    ASSERT_TRUE(fake.apply(AddService{web, {model::Scheduler::rr}}));
    ASSERT_TRUE(fake.apply(AddServer{web, server("10.0.0.1")}));
    ASSERT_TRUE(fake.apply(AddServer{web, server("10.0.0.2")}));
    EXPECT_THAT(fake.observe()->services,
                ElementsAre(Service{
                    web, {model::Scheduler::rr}, {server("10.0.0.2"), server("10.0.0.1")}}));
}

TEST(FakeDataplane, an_edited_server_keeps_its_place) {
    FakeDataplane fake;
    ASSERT_TRUE(fake.apply(AddService{web, {model::Scheduler::rr}}));
    ASSERT_TRUE(fake.apply(AddServer{web, server("10.0.0.1")}));
    ASSERT_TRUE(fake.apply(AddServer{web, server("10.0.0.2")}));
    Server heavier = server("10.0.0.1");
    heavier.weight = 5;
    ASSERT_TRUE(fake.apply(EditServer{web, heavier}));
    EXPECT_THAT(fake.observe()->services.front().servers, ElementsAre(server("10.0.0.2"), heavier));
}

TEST(FakeDataplane, a_refused_operation_changes_nothing_and_is_not_recorded) {
    FakeDataplane fake;
    fake.refuse([](const Operation&) { return std::optional<std::string>("out of memory"); });
    EXPECT_EQ(fake.apply(AddService{web, {model::Scheduler::rr}}).error().message, "out of memory");
    EXPECT_TRUE(fake.observe()->services.empty());
    EXPECT_TRUE(fake.applied().empty());
}

TEST(FakeDataplane, refuses_what_does_not_fit_its_state) {
    FakeDataplane fake;
    EXPECT_FALSE(fake.apply(AddServer{web, server("10.0.0.1")}));
    EXPECT_FALSE(fake.apply(RemoveService{web}));
    ASSERT_TRUE(fake.apply(AddService{web, {model::Scheduler::rr}}));
    EXPECT_FALSE(fake.apply(AddService{web, {model::Scheduler::rr}}));
    EXPECT_FALSE(fake.apply(RemoveServer{web, server("10.0.0.1").key}));
    EXPECT_FALSE(fake.apply(DetachHook{"wan0"}));
}

TEST(FakeDataplane, refuses_ports_that_another_virtual_server_keeps) {
    FakeDataplane fake;
    ServiceKey range = web;
    range.port = {80, 90};
    ASSERT_TRUE(fake.apply(AddService{web, {model::Scheduler::rr}}));
    EXPECT_FALSE(fake.apply(AddService{range, {model::Scheduler::rr}}));
    const auto results = fake.apply_all(
        std::vector<Operation>{AddService{range, {model::Scheduler::rr}}, RemoveService{web}});
    EXPECT_TRUE(results[0]) << "the batch removes the other one";
    EXPECT_TRUE(results[1]);
    EXPECT_EQ(fake.observe()->services.size(), 1U);
}

TEST(FakeDataplane, bounds_pools_by_the_scheduler) {
    FakeDataplane fake;
    ASSERT_TRUE(fake.apply(AddService{web, {model::Scheduler::rr}}));
    for (std::uint16_t port = 1; port <= 257; ++port) {
        Server more = server("10.0.0.1");
        more.key.port = port;
        ASSERT_TRUE(fake.apply(AddServer{web, more}));
    }
    EXPECT_EQ(fake.apply(EditService{web, {model::Scheduler::twos}}).error().message,
              "a virtual server has at most 256 real servers under twos");
}

TEST(FakeDataplane, pages_and_filters_connections) {
    FakeDataplane fake;
    std::vector<model::Connection> connections(3);
    connections[0].client = connections[2].client = address("198.51.100.7");
    connections[1].client = address("198.51.100.8");
    fake.set_connections(connections);
    const ConnectionFilter filter{.client = address("198.51.100.7"),
                                  .service = {},
                                  .packets = {},
                                  .real_server = {},
                                  .state = {}};
    const auto first = fake.connections(filter, 0, 2).value();
    EXPECT_EQ(first.connections.size(), 1U);
    EXPECT_EQ(first.next, 2U);
    const auto second = fake.connections(filter, *first.next, 2).value();
    EXPECT_EQ(second.connections.size(), 1U);
    EXPECT_FALSE(second.next);
}

TEST(FakeDataplane, a_template_is_found_by_what_its_virtual_server_takes) {
    FakeDataplane fake;
    ServiceKey bundle;
    bundle.mark = 7;
    ServiceOptions options;
    options.matches = {{model::Protocol::tcp, address("192.0.2.80"), 443}};
    ASSERT_TRUE(fake.apply(AddService{bundle, options}));
    model::Connection made;
    made.state = "TEMPLATE";
    made.mark = 7;
    fake.set_connections({made});
    ConnectionFilter filter{};
    for (const std::uint16_t port : {std::uint16_t{443}, std::uint16_t{80}}) {
        filter.packets = {{}, address("192.0.2.80"), port};
        EXPECT_EQ(fake.connections(filter, 0, 1)->connections.size(), port == 443 ? 1U : 0U);
    }
}

}  // namespace
}  // namespace shoal::dataplane
