#include "api/connection_query.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "api/parameters.h"

namespace shoal::api {

namespace {

constexpr std::array<std::string_view, 13> states{
    "NONE",       "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT", "CLOSE",
    "CLOSE_WAIT", "LAST_ACK",    "LISTEN",   "SYNACK",   "UDP",      "TEMPLATE"};

Result<std::string> parse_state(std::string_view text) {
    std::string state(text);
    std::ranges::transform(state, state.begin(), [](char letter) {
        return letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    });
    if (std::ranges::find(states, state) == states.end())
        return fail(
            fmt::format("there is no state \"{}\"; states: {}", text, fmt::join(states, ", ")));
    return state;
}

Result<void> read_parameter(ConnectionQuery& query, std::string_view name, std::string_view text) {
    if (name == "client") return put(query.client, Endpoint::parse(text));
    if (name == "virtual") return put(query.virtual_server, Endpoint::parse(text));
    if (name == "real") return put(query.real_server, Endpoint::parse(text));
    if (name == "state") return put(query.state, parse_state(text));
    if (name == "protocol") return put(query.protocol, parse_protocol(text));
    if (name == "mark") return put(query.mark, parse_number(text, 1, UINT32_MAX));
    if (name == "from") return put(query.from, parse_number(text, 0, UINT32_MAX));
    if (name == "limit")
        return put(query.limit, parse_number(text, 1, ConnectionQuery::highest_limit));
    return fail("unknown; there are client, virtual, mark, real, state, protocol, from and limit");
}

bool allows(const std::optional<Endpoint>& wanted, const net::Address& address,
            std::uint16_t port) {
    return !wanted || wanted->contains(address, port);
}

}  // namespace

Result<Endpoint> Endpoint::parse(std::string_view text) {
    const auto explained = [text](const auto&) {
        return fail(fmt::format("\"{}\" is no ADDRESS or ADDRESS:PORT", text));
    };
    if (auto bare = net::Address::parse(text)) return Endpoint{*bare, {}};
    auto host = text.substr(0, text.rfind(':'));
    std::optional<std::uint16_t> port;
    if (text.ends_with(']')) {
        host = text;
    } else if (host.size() < text.size()) {
        const auto number = parse_number(text.substr(host.size() + 1), 0, 65535);
        if (!number) return explained(number);
        port = static_cast<std::uint16_t>(*number);
    }
    const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
    const auto address = net::Address::parse(bracketed ? host.substr(1, host.size() - 2) : host);
    if (!address || address->is_v6() != bracketed) return explained(address);
    return Endpoint{*address, port};
}

bool Endpoint::contains(const net::Address& other, std::uint16_t other_port) const {
    return address == other && port.value_or(other_port) == other_port;
}

Result<ConnectionQuery> ConnectionQuery::parse(const Parameters& parameters) {
    return read_parameters<ConnectionQuery>(parameters, read_parameter);
}

dataplane::ConnectionFilter ConnectionQuery::filter() const {
    dataplane::ConnectionFilter filter;
    if (client) filter.client = client->address;
    if (real_server) filter.real_server = real_server->address;
    if (mark) filter.service.emplace().mark = *mark;
    filter.packets.protocol = protocol;
    if (virtual_server) {
        filter.packets.address = virtual_server->address;
        filter.packets.port = virtual_server->port;
    }
    filter.state = state;
    return filter;
}

bool ConnectionQuery::matches(const model::Connection& connection) const {
    const bool is_sent_there =
        protocol.value_or(connection.protocol) == connection.protocol &&
        allows(virtual_server, connection.virtual_address, connection.virtual_port);
    // What a template's virtual server takes the data plane alone knows.
    return (is_sent_there || connection.state == "TEMPLATE") &&
           state.value_or(connection.state) == connection.state &&
           mark.value_or(connection.mark) == connection.mark &&
           allows(client, connection.client, connection.client_port) &&
           allows(real_server, connection.real_address, connection.real_port);
}

}  // namespace shoal::api
