#include "model/schema.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "model/settings.h"

namespace shoal::model {
namespace {

const SettingView& find(std::string_view heading, std::string_view key) {
    static const auto sections = describe_settings();
    for (const auto& section : sections) {
        if (section.section.heading != heading) continue;
        for (const auto& setting : section.settings) {
            if (setting.description.key == key) return setting;
        }
    }
    throw std::runtime_error("no such setting");
}

TEST(Schema, every_setting_is_described) {
    for (const auto& section : describe_settings()) {
        std::set<std::string_view> keys;
        EXPECT_FALSE(section.section.help.empty()) << section.section.heading;
        for (const auto& [description, type, range, default_value] : section.settings) {
            SCOPED_TRACE(description.key);
            EXPECT_TRUE(keys.insert(description.key).second) << "twice";
            EXPECT_FALSE(description.title.empty());
            EXPECT_TRUE(description.help.ends_with('.'));
            EXPECT_TRUE(description.effect.ends_with('.'));
            EXPECT_FALSE(type.empty());
            EXPECT_EQ(default_value.empty(), description.required);
            EXPECT_LE(description.limits.least, description.limits.most);
            if (description.required) EXPECT_FALSE(description.example.empty());
        }
    }
}

TEST(Schema, titles_are_those_that_piranha_prints) {
    EXPECT_EQ(find("[[virtual_server]]", "reentry_time").description.title, "Re-entry Time");
    EXPECT_EQ(find("[[virtual_server]]", "service_timeout").description.title, "Service timeout");
    EXPECT_EQ(find("[[virtual_server]]", "port").description.title, "Application port");
    EXPECT_EQ(find("[[virtual_server]]", "address").description.title, "Virtual IP Address");
    EXPECT_EQ(find("[[virtual_server]]", "device").description.title, "Device");
    EXPECT_EQ(find("[[virtual_server]]", "firewall_mark").description.title, "Firewall Mark");
    EXPECT_EQ(find("[[virtual_server]]", "persistence_netmask").description.title,
              "Persistence Network Mask");
    EXPECT_EQ(find("[[virtual_server]]", "quiesce_server").description.title, "Quiesce server");
    EXPECT_EQ(find("[[virtual_server]]", "sorry_server").description.title, "Sorry Server");
}

TEST(Schema, says_types_ranges_and_defaults) {
    const auto& port = find("[[virtual_server]]", "port");
    EXPECT_EQ(port.type, "port, range of ports or `0`");
    EXPECT_EQ(port.range, "0 to 65535");
    EXPECT_EQ(port.default_value, "`80`; with `firewall_mark` the first port of the mark");
    const auto& size = find("[[virtual_server]]", "mh_table_size");
    EXPECT_EQ(size.range, "251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071");
    EXPECT_EQ(size.default_value, "`4093`");
    EXPECT_EQ(find("[[virtual_server]]", "allow").type, "list: network with prefix length");
    EXPECT_EQ(find("[[mark]]", "ports").type, "list: port, range of ports or `0`");
    EXPECT_EQ(find("[[virtual_server]]", "scheduler_flags").type,
              "list: one of `sh-port` `sh-fallback` `mh-port` `mh-fallback`");
    EXPECT_EQ(find("[[virtual_server]]", "sorry_server").type, "address or table");
    const auto& timeout = find("[[virtual_server]]", "service_timeout");
    EXPECT_EQ(timeout.range, "100ms to 1h");
    EXPECT_EQ(timeout.default_value, "`\"6s\"`");
    EXPECT_EQ(find("[global]", "network_type").type, "one of `nat` `direct` `tunnel`");
    EXPECT_EQ(find("[global]", "table_size").range, "a power of two from 1024 to 16777216");
    EXPECT_EQ(find("[virtual_server.monitor]", "send").range, "at most 255 bytes");
}

template <Described Owner>
void check_defaults_lie_in_their_range() {
    for_each_setting<Owner>([]<class Value>(const Setting<Owner, Value>& row) {
        const auto& limits = row.description.limits;
        const auto value = Owner{}.*row.member;
        if constexpr (std::integral<Value>) {
            if (std::same_as<Value, bool>) return;
            EXPECT_GE(value, limits.least) << row.description.key;
            EXPECT_LE(value, limits.most) << row.description.key;
        } else if constexpr (std::same_as<Value, milliseconds>) {
            EXPECT_GE(value.count(), limits.least) << row.description.key;
            EXPECT_LE(value.count(), limits.most) << row.description.key;
        }
    });
}

TEST(Schema, defaults_lie_in_their_range) {
    check_defaults_lie_in_their_range<Global>();
    check_defaults_lie_in_their_range<ConnectionTimeouts>();
    check_defaults_lie_in_their_range<VirtualServer>();
    check_defaults_lie_in_their_range<RealServer>();
    check_defaults_lie_in_their_range<LoadMonitor>();
    check_defaults_lie_in_their_range<Redundancy>();
    check_defaults_lie_in_their_range<TrackedCommand>();
}

// A member without a row would be lost without a word. The bindings name every member: who adds one
// is stopped here by the compiler, and counts the rows.
template <class Owner>
constexpr auto rows = std::tuple_size_v<decltype(Schema<Owner>::settings)>;

TEST(Schema, every_member_has_a_row) {
    const auto& [name, type, router, hook, size, sysctl, secure, timeouts] = Global{};
    const auto& [vs_name, vs_active, vs_address, vs_device, vs_protocol, vs_port, vs_mark,
                 vs_scheduler, vs_flags, vs_mh, vs_persistence, vs_netmask, vs_keep, vs_one,
                 vs_quiesce, vs_failure, vs_removed, vs_sorry, vs_allow, vs_deny, vs_type,
                 vs_tunnel, vs_tunnel_port, vs_timeout, vs_reentry, vs_slow, vs_flap, vs_quorum,
                 vs_hysteresis, vs_monitor, vs_load, vs_servers] = VirtualServer{};
    const auto& [rs_name, rs_address, rs_port, rs_weight, rs_active, rs_type, rs_tunnel,
                 rs_tunnel_port, rs_upper, rs_lower, rs_monitor] = RealServer{};
    const auto& [m_type, m_to, m_address, m_port, m_source, m_protocol, m_send, m_expect, m_pattern,
                 m_program, m_method, m_path, m_host, m_status, m_tls, m_verify, m_name, m_ca,
                 m_certificate, m_key, m_query, m_query_type, m_answer, m_grpc, m_interval,
                 m_timeout] = Monitor{};
    const auto& [o_to, o_address, o_port, o_send, o_expect, o_path, o_host, o_name, o_query] =
        MonitorOverride{};
    const auto& [l_tool, l_port, l_interval, l_path, l_value, l_program, l_normal, l_least,
                 l_greatest] = LoadMonitor{};
    const auto& [n_name, n_events, n_servers, n_command, n_webhook, n_to, n_from, n_relay] =
        Notification{};
    [[maybe_unused]] const auto& [sorry_address, sorry_port, sorry_type] = SorryServer{};
    const auto& [value, address, protocol, ports] = MarkRule{};
    const auto& [r_active, r_primary, r_primary_private, r_backup, r_backup_private, r_interval,
                 r_links, r_sync, r_sync_device, r_sync_id, r_up, r_down] = Redundancy{};
    const auto& [v_name, v_device, v_id, v_priority, v_version, v_interval, v_preempt, v_delay,
                 v_accept, v_mac, v_addresses, v_more, v_source, v_peers, v_group, v_devices,
                 v_commands, v_notify] = VrrpInstance{};
    const auto& [t_name, t_command, t_interval, t_weight] = TrackedCommand{};
    const auto& [global, redundancy, instances, devices, marks, services, notifications] =
        Configuration{};
    static_assert(rows<Global> == 8 && rows<VirtualServer> == 32 && rows<RealServer> == 11 &&
                  rows<Monitor> == 26 && rows<MonitorOverride> == 9 && rows<LoadMonitor> == 9 &&
                  rows<Notification> == 8 && rows<NatRouter> == 2 && rows<Device> == 2 &&
                  rows<SorryServer> == 3 && rows<MarkRule> == 4 && rows<Configuration> == 7 &&
                  rows<Redundancy> == 12 && rows<VrrpInstance> == 18 && rows<VrrpAddress> == 2 &&
                  rows<TrackedDevice> == 2 && rows<TrackedCommand> == 4 &&
                  rows<ConnectionTimeouts> == sizeof(ConnectionTimeouts) / sizeof(milliseconds));
}

TEST(Choices, words_and_values_agree) {
    EXPECT_EQ(name_of(Scheduler::wlc), "wlc");
    EXPECT_EQ(value_of<Scheduler>("rr"), Scheduler::rr);
    EXPECT_EQ(value_of<HookChoice>("auto"), HookChoice::automatic);
    EXPECT_EQ(value_of<Scheduler>("WLC"), std::nullopt);
}

}  // namespace
}  // namespace shoal::model
