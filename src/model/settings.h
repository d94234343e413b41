#pragma once

#include "model/schema.h"
#include "model/settings_director.h"
#include "model/settings_monitor.h"
#include "model/settings_real_server.h"
#include "model/settings_redundancy.h"
#include "model/settings_virtual_server.h"

// Every setting, described once: here the tables of the file, in the included headers what is in
// them. The order is that of the reference page and of forms.

namespace shoal::model {

template <>
struct Schema<Configuration> {
    static constexpr Section section{"the file", "the file", "The tables of shoal.toml."};
    static constexpr std::tuple settings{
        setting(&Configuration::global, {.key = "global",
                                         .title = "GLOBAL SETTINGS",
                                         .help = "What holds for the whole director.",
                                         .effect = "See each setting.",
                                         .default_text = "see each setting",
                                         .example = "{ name = \"director-1\" }"}),
        setting(&Configuration::redundancy,
                {.key = "redundancy",
                 .title = "REDUNDANCY",
                 .help = "This director and the one that stands in for it.",
                 .effect = effect::not_running,
                 .default_text = "none",
                 .example = "{ active = true, backup = \"192.0.2.3\" }"}),
        setting(&Configuration::vrrp_instances,
                {.key = "vrrp_instance",
                 .title = "VRRP INSTANCES",
                 .help = "Virtual routers: addresses that directors pass on to each other.",
                 .effect = effect::not_running,
                 .default_text = "none",
                 .example = "[{ name = \"outside\", device = \"wan0\", router_id = 51, addresses = "
                            "[\"192.0.2.80/24\"] }]"}),
        setting(&Configuration::devices,
                {.key = "device",
                 .title = "DEVICES",
                 .help = "Network devices that need a setting of their own.",
                 .effect = effect::hooks,
                 .default_text = "none",
                 .example = "[{ name = \"wan0\", hook = \"tc\" }]"}),
        setting(&Configuration::marks,
                {.key = "mark",
                 .title = "FIREWALL MARKS",
                 .help = "Which packets get which firewall mark.",
                 .effect = effect::mark_ports,
                 .default_text = "none",
                 .example = "[{ value = 80, address = \"192.0.2.80\", ports = [80, 443] }]"}),
        setting(
            &Configuration::virtual_servers,
            {.key = "virtual_server",
             .title = "VIRTUAL SERVERS",
             .help = "The services.",
             .effect = "At once; connections of those that stay are not touched.",
             .legacy = "virtual NAME {",
             .default_text = "none",
             .example = "[{ name = \"web\", address = \"192.0.2.80/24\", device = \"wan0:1\" }]"}),
        setting(
            &Configuration::notifications,
            {.key = "notification",
             .title = "NOTIFICATIONS",
             .help = "Who is told of what happens.",
             .effect = effect::next_event,
             .default_text = "none; the journal has every event",
             .example = "[{ name = \"pager\", webhook = \"https://pager.example.com/shoal\" }]"}),
    };
};

}  // namespace shoal::model
