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
    EXPECT_EQ(to_string(AddService{web, model::Scheduler::wrr}),
              "add virtual server tcp 192.0.2.80:80 (wrr)");
    EXPECT_EQ(to_string(EditService{web, model::Scheduler::lc}),
              "set the scheduler of tcp 192.0.2.80:80 to lc");
    EXPECT_EQ(to_string(AttachHook{"wan0", model::HookChoice::automatic}),
              "attach to device wan0 (hook auto)");
}

TEST(ServiceKey, puts_ipv6_addresses_in_brackets) {
    const ServiceKey dns{model::Protocol::udp, address("2001:db8::53"), 53};
    EXPECT_EQ(dns.to_string(), "udp [2001:db8::53]:53");
}

}  // namespace
}  // namespace shoal::dataplane
