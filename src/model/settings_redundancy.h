#pragma once

#include "model/schema.h"
#include "model/setting_effects.h"

// The settings of redundancy: what stands in for a director that fails.

namespace shoal::model {

/// An optional address of [redundancy].
consteval auto director_address(std::optional<net::Address> Redundancy::* member,
                                std::string_view key, std::string_view title, std::string_view help,
                                std::string_view default_text, std::string_view example) {
    return setting(member, {.key = key,
                            .title = title,
                            .help = help,
                            .effect = effect::not_running,
                            .legacy = key,
                            .default_text = default_text,
                            .example = example});
}

consteval auto redundancy_switch(bool Redundancy::* member, std::string_view key,
                                 std::string_view title, std::string_view help,
                                 std::string_view legacy) {
    return setting(member, {.key = key,
                            .title = title,
                            .help = help,
                            .effect = effect::not_running,
                            .legacy = legacy});
}

template <>
struct Schema<Redundancy> {
    static constexpr Section section{
        "[redundancy]", "[redundancy]",
        "This director and its partner: who they are, and how one learns that the other is gone. "
        "Not yet running: these settings are read, checked and kept."};
    static constexpr std::tuple settings{
        redundancy_switch(&Redundancy::active, "active", "Backup",
                          "`true`: another director stands in for this one.", "backup_active"),
        director_address(&Redundancy::primary, "primary", "Primary server public IP",
                         "The public address of the director that is active when both are well.",
                         "none", "\"192.0.2.2\""),
        director_address(
            &Redundancy::primary_private, "primary_private", "Primary server private IP",
            "Its address for a second way of the heartbeat.", "`primary`", "\"10.11.12.2\""),
        director_address(&Redundancy::backup, "backup", "Redundant server public IP",
                         "The public address of the director that stands in for it.", "none",
                         "\"192.0.2.3\""),
        director_address(
            &Redundancy::backup_private, "backup_private", "Redundant server private IP",
            "Its address for a second way of the heartbeat.", "`backup`", "\"10.11.12.3\""),
        setting(&Redundancy::interval,
                {.key = "interval",
                 .title = "Heartbeat interval",
                 .help = "The time from one heartbeat to the next, in steps of 10 ms. A partner "
                         "counts as dead after three of them and a little more, so that there is "
                         "no setting for that.",
                 .effect = effect::not_running,
                 .legacy = "keepalive",
                 .limits = {.least = 10, .most = 40'950}}),
        redundancy_switch(
            &Redundancy::monitor_links, "monitor_links", "Monitor NIC links for failures",
            "`true`: a director whose links fail gives up its addresses.", "monitor_links"),
        redundancy_switch(&Redundancy::sync_connections, "sync_connections", "Use sync daemon",
                          "`true`: connections are copied to the partner, and go on there.",
                          "syncdaemon"),
        setting(&Redundancy::sync_device, {.key = "sync_device",
                                           .title = "Sync daemon interface",
                                           .help = "The device by which connections are copied.",
                                           .effect = effect::not_running,
                                           .legacy = "syncd_iface",
                                           .default_text = "the one that leads to the partner",
                                           .example = "\"lan0\"",
                                           .form = TextForm::device_name}),
        setting(&Redundancy::sync_id,
                {.key = "sync_id",
                 .title = "Sync daemon id",
                 .help = "Directors copy connections to each other whose numbers are the same.",
                 .effect = effect::not_running,
                 .legacy = "syncd_id",
                 .limits = {.least = 0, .most = 255}}),
        setting(&Redundancy::activation_command,
                {.key = "activation_command",
                 .title = "Activation command",
                 .help = "An executable file with its absolute path, and its arguments, that runs "
                         "when this director becomes active.",
                 .effect = effect::not_running,
                 .legacy = "active_cmd",
                 .limits = {.most = max_line_length},
                 .default_text = "none",
                 .example = "[\"/usr/local/bin/became-active\"]",
                 .form = TextForm::line}),
        setting(&Redundancy::deactivation_command,
                {.key = "deactivation_command",
                 .title = "Deactivation command",
                 .help = "The same for when it stops being active.",
                 .effect = effect::not_running,
                 .legacy = "inactive_cmd",
                 .limits = {.most = max_line_length},
                 .default_text = "none",
                 .example = "[\"/usr/local/bin/became-inactive\"]",
                 .form = TextForm::line}),
    };
};

template <>
struct Schema<VrrpAddress> {
    static constexpr Section section{
        "address", "addresses = [{ ... }]",
        "An address of a VRRP instance. `\"192.0.2.80/24\"` means a table with this `address` "
        "alone."};
    static constexpr ShortForm short_form{&VrrpAddress::address, "an address"};
    static constexpr std::tuple settings{
        setting(&VrrpAddress::address, {.key = "address",
                                        .title = "Virtual IP Address",
                                        .help = "The address, with the length of its network "
                                                "after the slash.",
                                        .effect = effect::not_running,
                                        .example = "\"192.0.2.80/24\"",
                                        .required = true}),
        setting(&VrrpAddress::device, {.key = "device",
                                       .title = "Device",
                                       .help = "The device that gets the address, with the alias "
                                               "label it gets there.",
                                       .effect = effect::not_running,
                                       .default_text = "the device of the instance",
                                       .example = "\"wan0:1\""}),
    };
};

/// The largest change of a priority by something that is tracked.
inline constexpr std::int64_t max_track_weight = 253;

template <>
struct Schema<TrackedDevice> {
    static constexpr Section section{
        "tracked device", "track_devices = [{ ... }]",
        "A device whose link a VRRP instance watches. `\"wan0\"` means a table with this `name` "
        "alone."};
    static constexpr ShortForm short_form{&TrackedDevice::name, "a device"};
    static constexpr std::tuple settings{
        setting(&TrackedDevice::name, {.key = "name",
                                       .title = "Device",
                                       .help = "The name of the device, without an alias.",
                                       .effect = effect::not_running,
                                       .example = "\"wan0\"",
                                       .required = true,
                                       .form = TextForm::device_name}),
        setting(&TrackedDevice::weight,
                {.key = "weight",
                 .title = "Weight",
                 .help = "Above 0: added to the priority while the link is up. Below 0: taken from "
                         "it while the link is down. 0: without the link the instance gives up "
                         "its addresses.",
                 .effect = effect::not_running,
                 .limits = {.least = -max_track_weight, .most = max_track_weight}}),
    };
};

template <>
struct Schema<TrackedCommand> {
    static constexpr Section section{"tracked command", "[[vrrp_instance.track_command]]",
                                     "A program that says by its exit status, 0 or another, "
                                     "whether a VRRP instance is well here."};
    static constexpr std::tuple settings{
        setting(&TrackedCommand::name, {.key = "name",
                                        .title = "Name",
                                        .help = "A descriptive name, once in its instance.",
                                        .effect = effect::not_running,
                                        .example = "\"gateway\"",
                                        .required = true}),
        setting(&TrackedCommand::command,
                {.key = "command",
                 .title = "Command",
                 .help = "An executable file with its absolute path, and its arguments.",
                 .effect = effect::not_running,
                 .limits = {.most = max_line_length},
                 .example = "[\"/usr/local/bin/gateway-answers\"]",
                 .required = true,
                 .form = TextForm::line}),
        setting(&TrackedCommand::interval, {.key = "interval",
                                            .title = "Interval",
                                            .help = "From one start of the program to the next.",
                                            .effect = effect::not_running,
                                            .limits = {.least = 100, .most = 3'600'000}}),
        setting(&TrackedCommand::weight,
                {.key = "weight",
                 .title = "Weight",
                 .help = "As of a tracked device, with exit status 0 for a link that is up.",
                 .effect = effect::not_running,
                 .limits = {.least = -max_track_weight, .most = max_track_weight}}),
    };
};

template <>
struct Schema<VrrpInstance> {
    static constexpr Section section{
        "VRRP instance", "[[vrrp_instance]]",
        "Addresses that one of several directors has: of those that are well, the one with the "
        "highest priority (RFC 9568). Not yet running: these settings are read, checked and kept."};
    static constexpr std::tuple settings{
        setting(&VrrpInstance::name, {.key = "name",
                                      .title = "Name",
                                      .help = "A descriptive name, once in the file.",
                                      .effect = effect::not_running,
                                      .example = "\"outside\"",
                                      .required = true}),
        setting(&VrrpInstance::device, {.key = "device",
                                        .title = "Device",
                                        .help = "Where the advertisements are sent and heard.",
                                        .effect = effect::not_running,
                                        .example = "\"wan0\"",
                                        .required = true,
                                        .form = TextForm::device_name}),
        setting(&VrrpInstance::router_id,
                {.key = "router_id",
                 .title = "Virtual router ID",
                 .help = "The same in all directors that share the addresses, and another one than "
                         "those of all other instances of its device.",
                 .effect = effect::not_running,
                 .limits = {.least = 1, .most = 255},
                 .example = "51",
                 .required = true}),
        setting(&VrrpInstance::priority,
                {.key = "priority",
                 .title = "Priority",
                 .help = "Of the directors that are well, the one with the highest has the "
                         "addresses. 255: they are this director's own.",
                 .effect = effect::not_running,
                 .limits = {.least = 1, .most = 255}}),
        setting(&VrrpInstance::version, {.key = "version",
                                         .title = "VRRP version",
                                         .help = "2 knows IPv4 and whole seconds alone.",
                                         .effect = effect::not_running,
                                         .limits = {.least = 2, .most = 3}}),
        setting(&VrrpInstance::interval,
                {.key = "interval",
                 .title = "Advertisement interval",
                 .help = "From one advertisement to the next: with version 3 in steps of 10 ms, at "
                         "most 40.95 s; with version 2 whole seconds.",
                 .effect = effect::not_running,
                 .limits = {.least = 10, .most = 255'000}}),
        setting(&VrrpInstance::preempt,
                {.key = "preempt",
                 .title = "Preempt",
                 .help = "`true`: a director with a higher priority takes the addresses from one "
                         "with a lower one when it comes back.",
                 .effect = effect::not_running}),
        setting(&VrrpInstance::preempt_delay, {.key = "preempt_delay",
                                               .title = "Preempt delay",
                                               .help = "How long it waits before it does so.",
                                               .effect = effect::not_running,
                                               .limits = {.least = 0, .most = 1'000'000}}),
        setting(&VrrpInstance::accept,
                {.key = "accept",
                 .title = "Accept",
                 .help = "`true`: what is sent to the addresses themselves is answered, `ping` for "
                         "instance, although they are not this director's own.",
                 .effect = effect::not_running}),
        setting(&VrrpInstance::virtual_mac,
                {.key = "virtual_mac",
                 .title = "Virtual MAC",
                 .help = "`true`: the addresses have the hardware address of the virtual router, "
                         "00:00:5e:00:01:XX, instead of the device's.",
                 .effect = effect::not_running}),
        setting(&VrrpInstance::addresses, {.key = "addresses",
                                           .title = "Addresses",
                                           .help = "What the directors share, all of one family.",
                                           .effect = effect::not_running,
                                           .example = "[\"192.0.2.80/24\"]",
                                           .required = true}),
        setting(&VrrpInstance::unadvertised_addresses,
                {.key = "unadvertised_addresses",
                 .title = "Unadvertised addresses",
                 .help = "More of them, of any family, which advertisements do not name.",
                 .effect = effect::not_running,
                 .default_text = "none",
                 .example = "[\"2001:db8::80/64\"]"}),
        setting(&VrrpInstance::source, {.key = "source",
                                        .title = "Source address",
                                        .help = "The sender of the advertisements.",
                                        .effect = effect::not_running,
                                        .default_text = "the first address of the device",
                                        .example = "\"192.0.2.2\""}),
        setting(&VrrpInstance::unicast_peers,
                {.key = "unicast_peers",
                 .title = "Unicast peers",
                 .help = "The other directors, where multicast does not reach them.",
                 .effect = effect::not_running,
                 .default_text = "none: multicast",
                 .example = "[\"192.0.2.3\"]"}),
        setting(&VrrpInstance::group,
                {.key = "group",
                 .title = "Group",
                 .help = "A name: instances with the same one are active, or not, together.",
                 .effect = effect::not_running,
                 .default_text = "none",
                 .example = "\"gateway\""}),
        setting(&VrrpInstance::track_devices,
                {.key = "track_devices",
                 .title = "Tracked devices",
                 .help = "Devices whose links decide too.",
                 .effect = effect::not_running,
                 .default_text = "none; the link of `device` decides in any case",
                 .example = "[\"lan0\", { name = \"lan1\", weight = -20 }]"}),
        setting(&VrrpInstance::notify_command,
                {.key = "notify_command",
                 .title = "Notify command",
                 .help = "An executable file with its absolute path, and its arguments, that runs "
                         "when the instance becomes active or stops being so.",
                 .effect = effect::not_running,
                 .limits = {.most = max_line_length},
                 .default_text = "none",
                 .example = "[\"/usr/local/bin/vrrp-changed\"]",
                 .form = TextForm::line}),
        setting(&VrrpInstance::track_commands,
                {.key = "track_command",
                 .title = "Tracked commands",
                 .help = "Programs whose exit status decides too.",
                 .effect = effect::not_running,
                 .default_text = "none",
                 .example = "[{ name = \"gateway\", command = [\"/usr/local/bin/gateway-answers\"] "
                            "}]"}),
    };
};

}  // namespace shoal::model
