#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/parameters.h"
#include "base/result.h"
#include "dataplane/dataplane.h"

namespace shoal::api {

/// An address, perhaps with a port: "192.0.2.80", "192.0.2.80:80", "[2001:db8::1]:80".
struct Endpoint {
    net::Address address;
    std::optional<std::uint16_t> port;

    static Result<Endpoint> parse(std::string_view text);
    /// Without a port, every port.
    bool contains(const net::Address& other, std::uint16_t other_port) const;
    bool operator==(const Endpoint&) const = default;
};

/// Which connections a request wants to see.
struct ConnectionQuery {
    /// Connections of one page at most: a page is made in one turn of shoald's loop, and some
    /// milliseconds are all that checks and other requests should wait.
    static constexpr std::uint32_t default_limit = 1000;
    static constexpr std::uint32_t highest_limit = 2048;

    std::optional<model::Protocol> protocol;
    std::optional<Endpoint> client;
    std::optional<Endpoint> virtual_server;
    /// The firewall mark of the virtual server.
    std::optional<std::uint32_t> mark;
    std::optional<Endpoint> real_server;
    /// IPVS's name, in capitals.
    std::optional<std::string> state;
    std::uint32_t from = 0;
    std::uint32_t limit = default_limit;

    /// From the parameters client, virtual, mark, real, state, protocol, from and limit. An unknown
    /// is an error, so that a typing mistake never shows too much.
    static Result<ConnectionQuery> parse(const Parameters& parameters);
    /// As much of it as the data plane can filter by itself.
    dataplane::ConnectionFilter filter() const;
    bool matches(const model::Connection& connection) const;
};

}  // namespace shoal::api
