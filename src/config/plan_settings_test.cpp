#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "config/plan.h"
#include "model/settings.h"

// Whatever setting changes, the plan says so.

namespace shoal::config {
namespace {

/// One of everything, all of it in use.
model::Configuration complete() {
    model::Configuration all;
    const auto address = [](const char* text) { return net::Address::parse(text).value(); };
    all.global.nat_router = {net::Prefix::parse("10.11.12.254/24").value(), {"lan0", "lan0:1"}};
    all.devices = {{"wan0", model::HookChoice::tc}};
    all.marks = {{80, address("192.0.2.80"), model::Protocol::tcp, {80}}};
    model::VirtualServer web;
    web.name = "web";
    web.address = net::Prefix::parse("192.0.2.80/24").value();
    web.device = {"wan0", "wan0:1"};
    web.sorry_server = {address("10.11.12.9"), {}, {}};
    model::RealServer one;
    one.name = "web-1";
    one.address = address("10.11.12.1");
    auto two = one;
    two.name = "web-2";
    two.address = address("10.11.12.2");
    web.real_servers = {one, two};
    all.virtual_servers = {web};
    auto& instance = all.vrrp_instances.emplace_back();
    instance.name = "outside";
    instance.addresses.push_back({net::Prefix::parse("192.0.2.81/24").value(), {}});
    instance.track_devices.push_back({"wan0", 0});
    instance.track_commands.emplace_back().name = "gateway";
    auto& pager = all.notifications.emplace_back();
    pager.name = "pager";
    pager.webhook = "https://pager.example.com/";
    return all;
}

// Another value than the one given.
template <std::integral Value>
void change(Value& value) {
    value = static_cast<Value>(value == 0 ? 1 : value - 1);
}
void change(bool& value) {
    value = !value;
}
void change(std::string& text) {
    text += "x";
}
void change(model::milliseconds& duration) {
    duration += model::milliseconds{1};
}
void change(net::Address& address) {
    const auto one = net::Address::parse("10.99.0.1").value();
    address = address == one ? net::Address::parse("10.99.0.2").value() : one;
}
void change(net::Prefix& prefix) {
    change(prefix.address);
}
void change(model::PortRange& ports) {
    ports =
        ports == model::PortRange(8000, 8100) ? model::PortRange(1) : model::PortRange(8000, 8100);
}
void change(model::StatusRange& status) {
    change(status.first);
}
void change(model::NetworkMask& mask) {
    change(mask.length);
}
void change(model::DeviceLabel& device) {
    device.label += "x";
}
template <model::Enumerated E>
void change(E& value) {
    const auto& all = model::Choices<E>::all;
    value = value == all[0].value ? all[1].value : all[0].value;
}
template <class Value>
void change(std::vector<Value>& list);
template <class Value>
void change(std::optional<Value>& value);

template <model::Described Owner>
void change(Owner& owner) {
    change(owner.*std::get<0>(model::Schema<Owner>::settings).member);
}
template <class Value>
void change(std::vector<Value>& list) {
    if (list.empty()) {
        change(list.emplace_back());
    } else {
        list.pop_back();
    }
}
template <class Value>
void change(std::optional<Value>& value) {
    if (value) {
        value.reset();
    } else {
        change(value.emplace());
    }
}

template <model::Described Owner>
void expect_lines(const std::function<Owner&(model::Configuration&)>& owner_in) {
    const auto present = complete();
    model::for_each_setting<Owner>([&](const auto& row) {
        auto candidate = present;
        change(owner_in(candidate).*row.member);
        const auto plan = make_plan(present, candidate, {});
        const auto setting =
            fmt::format("{} of {}", row.description.key, model::Schema<Owner>::section.name);
        ASSERT_FALSE(plan.changes.empty()) << setting;
        for (const auto& change : plan.changes) {
            EXPECT_FALSE(change.what.empty()) << setting;
            EXPECT_FALSE(change.effect.empty()) << setting << ": " << change.what;
        }
    });
}

TEST(PlanOfSettings, has_a_line_for_a_change_of_each_of_them) {
    using model::Configuration;
    expect_lines<Configuration>([](auto& all) -> auto& { return all; });
    expect_lines<model::Global>([](auto& all) -> auto& { return all.global; });
    expect_lines<model::NatRouter>([](auto& all) -> auto& { return *all.global.nat_router; });
    expect_lines<model::ConnectionTimeouts>([](auto& all) -> auto& { return all.global.timeouts; });
    expect_lines<model::Device>([](auto& all) -> auto& { return all.devices[0]; });
    expect_lines<model::MarkRule>([](auto& all) -> auto& { return all.marks[0]; });
    expect_lines<model::VirtualServer>([](auto& all) -> auto& { return all.virtual_servers[0]; });
    expect_lines<model::SorryServer>(
        [](auto& all) -> auto& { return *all.virtual_servers[0].sorry_server; });
    expect_lines<model::Monitor>([](auto& all) -> auto& { return all.virtual_servers[0].monitor; });
    expect_lines<model::LoadMonitor>(
        [](auto& all) -> auto& { return all.virtual_servers[0].load_monitor; });
    expect_lines<model::RealServer>(
        [](auto& all) -> auto& { return all.virtual_servers[0].real_servers[0]; });
    expect_lines<model::MonitorOverride>(
        [](auto& all) -> auto& { return all.virtual_servers[0].real_servers[0].monitor; });
    expect_lines<model::Redundancy>([](auto& all) -> auto& { return all.redundancy; });
    expect_lines<model::VrrpInstance>([](auto& all) -> auto& { return all.vrrp_instances[0]; });
    expect_lines<model::VrrpAddress>(
        [](auto& all) -> auto& { return all.vrrp_instances[0].addresses[0]; });
    expect_lines<model::TrackedDevice>(
        [](auto& all) -> auto& { return all.vrrp_instances[0].track_devices[0]; });
    expect_lines<model::TrackedCommand>(
        [](auto& all) -> auto& { return all.vrrp_instances[0].track_commands[0]; });
    expect_lines<model::Notification>([](auto& all) -> auto& { return all.notifications[0]; });
    // A table that is new in the schema belongs into this list.
    EXPECT_EQ(model::describe_settings().size(), 17U);
}

}  // namespace
}  // namespace shoal::config
