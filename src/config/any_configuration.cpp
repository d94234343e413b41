#include "config/any_configuration.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
// GoogleTest first: Debian's rapidcheck needs it so.
#include <rapidcheck/gtest.h>

#include "model/choices.h"

namespace shoal::config {
namespace {

using model::milliseconds;

template <model::Enumerated E>
E any_choice() {
    const auto choice = *rc::gen::elementOf(
        std::vector(model::Choices<E>::all.begin(), model::Choices<E>::all.end()));
    return choice.value;
}

template <class Value>
Value any_number(Value least, Value most) {
    // At its full size at once: small sizes would mean small numbers and short lists.
    return static_cast<Value>(*rc::gen::resize(
        rc::kNominalSize, rc::gen::inRange<std::int64_t>(least, std::int64_t{most} + 1)));
}

bool any_bool() {
    return *rc::gen::arbitrary<bool>();
}

/// Distinct for distinct numbers below 2^16.
net::Address address(int network, int number) {
    return net::Address::parse(fmt::format("10.{}.{}.{}", network, number / 250, 1 + number % 250))
        .value();
}

model::PortRange any_ports() {
    const auto first = any_number<std::uint16_t>(1, 65'535);
    return any_bool() ? model::PortRange(first)
                      : model::PortRange(first, any_number(first, std::uint16_t{65'535}));
}

std::vector<net::Prefix> any_networks(int network) {
    std::vector<net::Prefix> networks;
    for (int count = any_number(0, 2); count > 0; --count) {
        const auto length = any_number(24, 32);
        const auto text = length == 32 ? address(network, any_number(0, 200)).to_string()
                                       : fmt::format("10.{}.{}.0", network, any_number(0, 200));
        networks.push_back({net::Address::parse(text).value(), length});
    }
    return networks;
}

void set_options(model::VirtualServer& service) {
    service.scheduler = any_choice<model::Scheduler>();
    if (service.scheduler == model::Scheduler::sh && any_bool())
        service.scheduler_flags = {model::SchedulerFlag::sh_port};
    if (service.scheduler == model::Scheduler::mh && any_bool()) {
        service.scheduler_flags = {model::SchedulerFlag::mh_fallback,
                                   model::SchedulerFlag::mh_port};
    }
    service.mh_table_size = *rc::gen::elementOf(model::mh_table_sizes);
    if (any_bool()) {
        service.persistence = milliseconds{any_number<std::int64_t>(1'000, 2'678'400'000)};
        service.keep_quiesced_clients = any_bool();
        if (any_bool())
            service.persistence_netmask = model::NetworkMask{any_number<std::uint8_t>(1, 32)};
    }
    service.quiesce_server = any_bool();
    service.on_failure = any_choice<model::OnFailure>();
    service.removed_connections = any_choice<model::RemovedConnections>();
    if (any_bool())
        service.sorry_server = model::SorryServer{address(9, any_number(0, 99)), {}, {}};
    service.allow = any_networks(66);
    service.deny = any_networks(67);
}

std::string any_word() {
    return *rc::gen::element<std::string>("", "x", "a.b", "ü \"'\\ %");
}

milliseconds any_time(std::int64_t least, std::int64_t most) {
    return milliseconds{any_number<std::int64_t>(least, most)};
}

bool may_speak_tls(model::MonitorType type) {
    using enum model::MonitorType;
    return type != none && type != program && type != icmp && type != mysql && type != postgresql;
}

void set_tls(model::Monitor& monitor) {
    const bool always =
        monitor.type == model::MonitorType::https || monitor.type == model::MonitorType::tls;
    monitor.tls = any_bool();
    if (!may_speak_tls(monitor.type)) monitor.tls = false;
    if (!monitor.tls && !always) return;
    if (any_bool()) monitor.server_name = "www.example.com";
    monitor.verify_certificate = any_bool();
    if (monitor.verify_certificate && any_bool()) monitor.ca_file = "/etc/ca.pem";
    if (any_bool()) {
        monitor.certificate_file = "/etc/check.pem";
        monitor.key_file = "/etc/check key.pem";
    }
}

void set_http(model::Monitor& monitor) {
    monitor.method = *rc::gen::element<std::string>("GET", "POST", "OPTIONS");
    monitor.path = *rc::gen::element<std::string>("/", "/a?b=%20\"c\"", "*");
    if (any_bool()) monitor.host = "www.example.com:81";
    for (int count = any_number(0, 2); count > 0; --count) {
        const auto first = any_number<std::uint16_t>(100, 599);
        monitor.status.push_back({first, any_number(first, std::uint16_t{599})});
    }
    if (any_bool()) monitor.expect_pattern = "^\"?(up|ü)\\d\\.$";
}

void set_dns(model::Monitor& monitor) {
    monitor.query_name = *rc::gen::element<std::string>("", "_sip._udp.example.com.");
    monitor.query_type = any_choice<model::DnsType>();
    if (monitor.query_type == model::DnsType::mx && any_bool()) monitor.answer = "10 a.b.";
}

model::Monitor any_monitor(model::Protocol protocol) {
    using enum model::MonitorType;
    model::Monitor monitor;
    monitor.type = any_choice<model::MonitorType>();
    if (any_bool()) monitor.port = any_number<std::uint16_t>(1, 65'535);
    if (any_bool()) monitor.address = address(5, any_number(0, 99));
    if (any_bool()) monitor.source = address(6, any_number(0, 99));
    const bool may_be_udp = monitor.type == text || monitor.type == dns || monitor.type == sip;
    if (may_be_udp && any_bool()) monitor.protocol = any_choice<model::Protocol>();
    if (!may_be_udp || monitor.protocol.value_or(protocol) == model::Protocol::tcp)
        set_tls(monitor);
    if (monitor.type == text) {
        monitor.send = "a\r\n\\ \"'";
        (any_bool() ? monitor.expect : monitor.expect_pattern) = "\\\\t";
    }
    if (monitor.type == program) monitor.sending_program = {"/bin/x y", "%h%%", any_word()};
    if (monitor.type == program && monitor.sending_program.back().ends_with('%'))
        monitor.sending_program.back() += "p";
    if (monitor.type == http || monitor.type == https) set_http(monitor);
    if (monitor.type == dns) set_dns(monitor);
    if (monitor.type == grpc) monitor.grpc_service = any_word();
    return monitor;
}

model::LoadMonitor any_load_monitor() {
    using enum model::LoadTool;
    model::LoadMonitor load;
    load.tool = any_choice<model::LoadTool>();
    if (load.tool != program && load.tool != none) load.port = any_number<std::uint16_t>(1, 65'535);
    if (load.tool == http) {
        load.path = "/load?all";
        load.value = any_word();
    }
    if (load.tool == program) load.program = {"/bin/load", "%n"};
    load.interval = any_time(1'000, 3'600'000);
    load.normal_load = any_number(1U, 1'000'000U);
    load.least_weight = any_number(1U, 100U);
    load.greatest_weight = any_number(100U, 1'000U);
    return load;
}

void set_health(model::VirtualServer& service) {
    service.monitor = any_monitor(service.protocol);
    service.service_timeout = any_time(100, 3'600'000);
    service.reentry_time = any_time(0, 3'600'000);
    if (any_bool()) service.monitor.interval = any_time(10, service.service_timeout.count());
    if (any_bool()) service.monitor.timeout = any_time(5, check_interval(service).count());
    service.slow_start = any_time(0, 3'600'000);
    service.flap_damping = any_time(0, 86'400'000);
    service.quorum = any_number(1U, 4'096U);
    service.quorum_hysteresis = any_number(0U, 4'095U);
    service.load_monitor = any_load_monitor();
}

model::Notification any_notification(int number) {
    model::Notification notification;
    notification.name = fmt::format("notification {}", number);
    if (any_bool()) notification.events = {any_choice<model::EventKind>()};
    notification.webhook = "https://[2001:db8::1]:8443/a?b";
    if (any_bool()) notification.command = {"/bin/x", any_word()};
    if (any_bool()) {
        notification.mail_to = {"a@example.com", "b+c@example.com"};
        notification.mail_from = "shoal@example.com";
        notification.mail_relay = "mail.example.com:587";
    }
    return notification;
}

model::RealServer any_real_server(int number, const model::PortRange& ports) {
    model::RealServer server;
    server.name = fmt::format("server {}", number);
    server.address = address(2, number);
    server.weight = any_number(0U, 65'535U);
    server.active = any_bool();
    if (any_bool()) server.network_type = any_choice<model::ForwardingMethod>();
    if (ports.is_single() && server.network_type == model::ForwardingMethod::nat)
        server.port = any_number<std::uint16_t>(1, 65'535);
    if (server.network_type == model::ForwardingMethod::tunnel) {
        server.tunnel_type = any_choice<model::TunnelType>();
        if (server.tunnel_type == model::TunnelType::gue)
            server.tunnel_port = any_number<std::uint16_t>(1, 65'535);
    }
    server.upper_threshold = any_number(0U, 2'147'483'647U);
    server.lower_threshold = any_number(0U, server.upper_threshold);
    if (any_bool()) server.monitor.port = any_number<std::uint16_t>(1, 65'535);
    if (any_bool()) server.monitor.address = address(4, number);
    return server;
}

model::VirtualServer any_virtual_server(int number) {
    model::VirtualServer service;
    service.name = fmt::format("service {}", number);
    service.active = any_bool();
    service.address = {address(1, number), *rc::gen::element(8, 24, 32)};
    service.device = {"wan0", fmt::format("wan0:{}", number)};
    service.protocol = any_choice<model::Protocol>();
    service.port = any_ports();
    set_options(service);
    set_health(service);
    for (int count = any_number(0, 3); count > 0; --count)
        service.real_servers.push_back(any_real_server(count, service.port));
    return service;
}

/// The virtual server takes the packets of a mark instead, which is added to the configuration.
void use_mark(model::Configuration& configuration, model::VirtualServer& service,
              std::uint32_t value) {
    const auto middle = any_number<std::uint16_t>(2, 65'000);
    service.firewall_mark = value;
    service.port = any_bool() ? model::PortRange() : model::PortRange(middle);
    const auto protocol = service.protocol;
    configuration.marks.push_back({value, service.address.address, protocol, {{1, middle}}});
    const auto next = static_cast<std::uint16_t>(middle + 1);
    configuration.marks.push_back(
        {value, service.address.address, protocol, {model::PortRange(next), {60'000, 65'535}}});
    if (next >= 60'000) configuration.marks.pop_back();
}

template <class Value, class Make>
void set_some(std::optional<Value>& member, Make make) {
    if (any_bool()) member = make();
}

model::Redundancy any_redundancy() {
    model::Redundancy redundancy;
    redundancy.active = any_bool();
    set_some(redundancy.primary, [] { return address(31, 1); });
    set_some(redundancy.backup, [] { return address(31, 2); });
    set_some(redundancy.primary_private, [] { return address(32, 1); });
    set_some(redundancy.backup_private, [] { return address(32, 2); });
    redundancy.interval = 10 * any_time(1, 4'095);
    redundancy.monitor_links = any_bool();
    redundancy.sync_connections = any_bool();
    set_some(redundancy.sync_device, [] { return std::string("lan0"); });
    redundancy.sync_id = any_number<std::uint16_t>(0, 255);
    if (any_bool()) redundancy.activation_command = {"/bin/x", any_word()};
    if (any_bool()) redundancy.deactivation_command = {"/bin/y"};
    return redundancy;
}

void set_tracking(model::VrrpInstance& instance) {
    const auto any_weight = [] { return any_number(-253, 253); };
    if (any_bool()) instance.track_devices = {{"lan0", any_weight()}, {"lan1", 0}};
    if (any_bool())
        instance.track_commands = {
            {"gateway", {"/bin/x", any_word()}, any_time(100, 3'600'000), any_weight()}};
    if (any_bool()) instance.notify_command = {"/bin/z", any_word()};
}

model::VrrpInstance any_vrrp_instance(int number) {
    model::VrrpInstance instance;
    instance.name = fmt::format("instance {}", number);
    instance.device = "wan0";
    instance.router_id = static_cast<std::uint16_t>(number);
    instance.priority = any_number<std::uint16_t>(1, 254);
    instance.version = any_number<std::uint16_t>(2, 3);
    instance.interval = instance.version == 2 ? 1'000 * any_time(1, 255) : 10 * any_time(1, 4'095);
    instance.preempt = any_bool();
    if (instance.preempt) instance.preempt_delay = any_time(0, 1'000'000);
    instance.accept = any_bool();
    instance.virtual_mac = any_bool();
    instance.addresses = {{{address(40 + number, 1), 24}, {}}};
    if (any_bool())
        instance.addresses.push_back(
            {{address(40 + number, 2), 32}, model::DeviceLabel{"wan1", "wan1:2"}});
    if (any_bool())
        instance.unadvertised_addresses = {
            {net::Prefix::parse(fmt::format("2001:db8::{}/64", number)).value(), {}}};
    set_some(instance.source, [] { return address(50, 1); });
    if (any_bool()) instance.unicast_peers = {address(50, 2), address(50, 3)};
    instance.group = "all";
    set_tracking(instance);
    return instance;
}

}  // namespace

model::Configuration any_configuration() {
    model::Configuration configuration;
    if (any_bool()) configuration.redundancy = any_redundancy();
    if (any_bool()) configuration.vrrp_instances = {any_vrrp_instance(1), any_vrrp_instance(2)};
    configuration.global.network_type = any_choice<model::ForwardingMethod>();
    configuration.global.secure_tcp = any_bool();
    const auto count = any_number(0, 3);
    for (int i = 1; i <= count; ++i) {
        auto service = any_virtual_server(i);
        if (any_bool())
            use_mark(configuration, service, static_cast<std::uint32_t>(i) * 1'000'000'000U);
        configuration.virtual_servers.push_back(std::move(service));
    }
    for (int i = any_number(0, 2); i > 0; --i) {
        auto notification = any_notification(i);
        if (count > 0 && any_bool())
            notification.virtual_servers = {configuration.virtual_servers.front().name};
        configuration.notifications.push_back(std::move(notification));
    }
    return configuration;
}

}  // namespace shoal::config
