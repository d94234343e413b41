#include "dataplane/dataplane.h"

#include <gtest/gtest.h>

namespace shoal::dataplane {
namespace {

net::Address address(const char* text) {
    return net::Address::parse(text).value();
}

const ServiceKey web{model::Protocol::tcp, address("192.0.2.80"), 80};
const ServerKey server{address("10.11.12.1"), 8080};

TEST(Operation, names_the_real_and_the_virtual_server) {
    EXPECT_EQ(to_string(AddServer{web, Server{server, 1, model::ForwardingMethod::nat}}),
              "add real server 10.11.12.1:8080 to tcp 192.0.2.80:80");
    EXPECT_EQ(to_string(EditServer{web, Server{server, 7, model::ForwardingMethod::direct}}),
              "set real server 10.11.12.1:8080 of tcp 192.0.2.80:80 to weight 7, direct");
    EXPECT_EQ(to_string(RemoveServer{web, server}),
              "remove real server 10.11.12.1:8080 from tcp 192.0.2.80:80");
}

TEST(Operation, names_the_scheduler_and_the_hook) {
    EXPECT_EQ(to_string(AddService{web, {model::Scheduler::wrr}}),
              "add virtual server tcp 192.0.2.80:80 (wrr)");
    EXPECT_EQ(to_string(EditService{web, {model::Scheduler::lc}}),
              "change the options of tcp 192.0.2.80:80 (lc)");
    EXPECT_EQ(to_string(AttachHook{"wan0", model::HookChoice::automatic}),
              "attach to device wan0 (hook auto)");
}

TEST(ServiceKey, names_ranges_and_marks) {
    ServiceKey key = web;
    key.port = {8000, 8100};
    EXPECT_EQ(key.to_string(), "tcp 192.0.2.80:8000-8100");
    key.port = 0;
    EXPECT_EQ(key.to_string(), "tcp 192.0.2.80:any");
    key = {};
    key.mark = 80;
    EXPECT_EQ(key.to_string(), "mark 80");
}

TEST(Pool, is_bounded_by_the_scheduler) {
    EXPECT_TRUE(check_pool(model::Scheduler::wlc, 4096));
    EXPECT_FALSE(check_pool(model::Scheduler::wlc, 4097));
    EXPECT_TRUE(check_pool(model::Scheduler::lblcr, 256));
    EXPECT_FALSE(check_pool(model::Scheduler::lblcr, 257));
}

TEST(ServiceKey, puts_ipv6_addresses_in_brackets) {
    const ServiceKey dns{model::Protocol::udp, address("2001:db8::53"), 53};
    EXPECT_EQ(dns.to_string(), "udp [2001:db8::53]:53");
}

}  // namespace
}  // namespace shoal::dataplane
