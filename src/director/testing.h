#pragma once

#include "health/health_view.h"
#include "model/configuration.h"

// Configurations for the director's tests.

namespace shoal::director::testing {

inline net::Address address(std::string_view text) {
    return net::Address::parse(text).value();
}

inline model::RealServer real_server(std::string name, std::string_view ip,
                                     std::uint32_t weight = 1) {
    model::RealServer server;
    server.name = std::move(name);
    server.address = address(ip);
    server.weight = weight;
    return server;
}

/// "web" on 192.0.2.80:80 with web-1 and web-2, NAT.
inline model::Configuration two_servers() {
    model::VirtualServer web;
    web.name = "web";
    web.address = net::Prefix::parse("192.0.2.80/24").value();
    web.device = {"wan0", "wan0:1"};
    web.real_servers = {real_server("web-1", "10.11.12.1"), real_server("web-2", "10.11.12.2", 3)};
    model::Configuration configuration;
    configuration.virtual_servers = {web};
    return configuration;
}

inline health::HealthView all_up(const model::Configuration& configuration) {
    health::HealthView view;
    for (const auto& service : configuration.virtual_servers) {
        for (const auto& server : service.real_servers) {
            view[{service.name, server.name}] = {model::Health::up, "", 0};
        }
    }
    return view;
}

}  // namespace shoal::director::testing
