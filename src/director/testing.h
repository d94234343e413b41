#pragma once

#include <map>

#include "dataplane/dataplane.h"
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

/// "http" and "https" on 192.0.2.80, bundled by mark 80: one takes port 80, the other 443; each has
/// web-1 and web-2.
inline model::Configuration two_of_one_mark() {
    auto configuration = two_servers();
    auto& http = configuration.virtual_servers[0];
    http.name = "http";
    http.firewall_mark = 80;
    auto https = http;
    https.name = "https";
    https.port = 443;
    configuration.virtual_servers.push_back(https);
    configuration.marks = {{80, address("192.0.2.80"), model::Protocol::tcp, {443, 80}}};
    return configuration;
}

/// The pool's real servers by the last number of their addresses, with their weights.
inline std::map<int, std::uint32_t> weights(const dataplane::Service& service) {
    std::map<int, std::uint32_t> weights;
    for (const auto& server : service.servers)
        weights[server.key.address.bytes()[3]] = server.weight;
    return weights;
}

}  // namespace shoal::director::testing
