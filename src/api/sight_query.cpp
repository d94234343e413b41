#include <fmt/format.h>

#include "api/connection_query.h"
#include "api/parameters.h"
#include "api/sight.h"

namespace shoal::api {

namespace {

Result<net::Prefix> parse_client_prefix(std::string_view text) {
    auto prefix = net::Prefix::parse(text);
    if (!prefix) return fail(fmt::format("\"{}\" is no ADDRESS or ADDRESS/LENGTH", text));
    return prefix;
}

Result<void> put_endpoint(std::optional<net::Address>& address, std::uint16_t& port,
                          std::string_view text) {
    const auto endpoint = Endpoint::parse(text);
    if (!endpoint) return fail(endpoint.error());
    address = endpoint->address;
    port = endpoint->port.value_or(0);
    return {};
}

Result<void> read_trace_parameter(TraceQuery& query, std::string_view name,
                                  const std::string& text) {
    auto& filter = query.filter;
    if (name == "client") return put(filter.client, parse_client_prefix(text));
    if (name == "virtual") return put_endpoint(filter.virtual_address, filter.virtual_port, text);
    if (name == "real") return put_endpoint(filter.real_address, filter.real_port, text);
    if (name == "protocol") return put(filter.protocol, parse_protocol(text));
    if (name == "count") return put(query.count, parse_number(text, 1, TraceQuery::most_packets));
    if (name == "seconds")
        return put(query.seconds, parse_number(text, 1, TraceQuery::most_seconds));
    if (name == "verdict") {
        filter.verdict = text;
        return {};
    }
    return fail("unknown; there are client, virtual, real, protocol, verdict, count and seconds");
}

Result<void> read_question_parameter(dataplane::PacketQuestion& question, std::string_view name,
                                     const std::string& text) {
    if (name == "protocol") return put(question.protocol, parse_protocol(text));
    if (name != "client" && name != "virtual")
        return fail("unknown; there are client, virtual and protocol");
    const auto endpoint = Endpoint::parse(text);
    if (!endpoint) return fail(endpoint.error());
    if (name == "client") {
        question.client = endpoint->address;
        question.client_port = endpoint->port;
        return {};
    }
    if (!endpoint->port) return fail(fmt::format("\"{}\" has no port", text));
    question.virtual_address = endpoint->address;
    question.virtual_port = *endpoint->port;
    return {};
}

}  // namespace

Result<TraceQuery> TraceQuery::parse(const Parameters& parameters) {
    return read_parameters<TraceQuery>(parameters, read_trace_parameter);
}

Result<dataplane::PacketQuestion> parse_question(const Parameters& parameters) {
    for (const char* needed : {"client", "virtual"}) {
        if (!parameters.contains(needed))
            return fail(fmt::format("parameter \"{}\" is missing", needed));
    }
    auto question = read_parameters<dataplane::PacketQuestion>(parameters, read_question_parameter);
    if (question && question->client.is_v6() != question->virtual_address.is_v6())
        return fail("the client and the virtual server must both be of IPv4 or both of IPv6");
    return question;
}

}  // namespace shoal::api
