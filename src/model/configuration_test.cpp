#include "model/configuration.h"

#include <gtest/gtest.h>

namespace shoal::model {
namespace {

TEST(Configuration, the_nearest_network_type_holds) {
    Configuration configuration;
    VirtualServer service;
    RealServer server;
    EXPECT_EQ(forwarding_method(configuration, service, server), ForwardingMethod::nat);
    configuration.global.network_type = ForwardingMethod::direct;
    EXPECT_EQ(forwarding_method(configuration, service, server), ForwardingMethod::direct);
    service.network_type = ForwardingMethod::nat;
    EXPECT_EQ(forwarding_method(configuration, service, server), ForwardingMethod::nat);
    server.network_type = ForwardingMethod::direct;
    EXPECT_EQ(forwarding_method(configuration, service, server), ForwardingMethod::direct);
}

TEST(Configuration, a_real_server_has_its_own_port_or_the_virtual_one) {
    VirtualServer service;
    service.port = 443;
    EXPECT_EQ(real_port(service, {}), 443);
    RealServer server;
    server.port = 8443;
    EXPECT_EQ(real_port(service, server), 8443);
}

TEST(Configuration, of_several_ports_each_stays) {
    VirtualServer service;
    RealServer server;
    for (const auto ports : {PortRange{}, PortRange{8000, 8100}}) {
        service.port = ports;
        EXPECT_EQ(real_port(service, server), 0);
    }
    service.port = 80;
    service.firewall_mark = 80;
    EXPECT_EQ(real_port(service, server), 0);
    server.port = 8080;
    EXPECT_EQ(real_port(service, server), 8080);
}

TEST(Configuration, the_checked_port_is_the_nearest_that_is_said) {
    Configuration configuration;
    VirtualServer service;
    RealServer server;
    service.port = {8000, 8100};
    EXPECT_EQ(check_port(configuration, service, server), 8000);
    service.port = {};
    EXPECT_EQ(check_port(configuration, service, server), 0);
    service.firewall_mark = 80;
    EXPECT_EQ(check_port(configuration, service, server), 0);
    configuration.marks = {{80, {}, Protocol::udp, {53}},
                           {81, {}, Protocol::tcp, {25}},
                           {80, {}, Protocol::tcp, {PortRange(443), PortRange(80)}}};
    EXPECT_EQ(check_port(configuration, service, server), 443);
    service.port = 80;
    EXPECT_EQ(check_port(configuration, service, server), 80);
    server.port = 8080;
    EXPECT_EQ(check_port(configuration, service, server), 8080);
    service.monitor.port = 8081;
    EXPECT_EQ(check_port(configuration, service, server), 8081);
}

TEST(Configuration, persistence_is_three_settings) {
    VirtualServer service;
    EXPECT_EQ(persistence_of(service), std::nullopt);
    service.persistence = milliseconds{60'000};
    EXPECT_EQ(persistence_of(service), (Persistence{.timeout = milliseconds{60'000}}));
    service.persistence_netmask = NetworkMask{24};
    service.keep_quiesced_clients = true;
    EXPECT_EQ(persistence_of(service),
              (Persistence{.timeout = milliseconds{60'000}, .netmask = 24, .keep_quiesced = true}));
}

TEST(Configuration, a_linear_scheduler_has_a_smaller_pool) {
    EXPECT_EQ(most_real_servers(Scheduler::wlc), 4096U);
    for (const auto scheduler : {Scheduler::lblc, Scheduler::lblcr, Scheduler::twos})
        EXPECT_EQ(most_real_servers(scheduler), 256U);
}

TEST(Configuration, checks_run_three_times_in_a_service_timeout) {
    VirtualServer service;
    EXPECT_EQ(check_interval(service), milliseconds{2'000});
    EXPECT_EQ(check_timeout(service), milliseconds{1'000});
    service.monitor.interval = milliseconds{500};
    EXPECT_EQ(check_timeout(service), milliseconds{250});
    service.monitor.timeout = milliseconds{400};
    EXPECT_EQ(check_timeout(service), milliseconds{400});
}

TEST(Configuration, only_tcp_port_80_is_asked_for_a_page_by_default) {
    EXPECT_EQ(default_monitor(Protocol::tcp, 80).send, "GET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(default_monitor(Protocol::tcp, 80).expect, "HTTP");
    EXPECT_EQ(default_monitor(Protocol::tcp, 443), Monitor{});
    EXPECT_EQ(default_monitor(Protocol::udp, 80), Monitor{});
}

TEST(Configuration, a_device_may_differ_from_the_global_hook) {
    Configuration configuration;
    configuration.global.hook = HookChoice::xdp;
    configuration.devices = {{"wan0", HookChoice::tc}};
    EXPECT_EQ(hook_of(configuration, "wan0"), HookChoice::tc);
    EXPECT_EQ(hook_of(configuration, "lan0"), HookChoice::xdp);
}

}  // namespace
}  // namespace shoal::model
