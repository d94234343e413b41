#include <fmt/format.h>

#include "cli/format.h"
#include "cli/views.h"

namespace shoal::cli {

namespace {

/// A mark's template stands for all of a client's connections, of whatever protocol.
bool is_of_whole_mark(const model::Connection& connection) {
    return connection.mark != 0 && connection.state == "TEMPLATE";
}

std::string protocol_word(const model::Connection& connection) {
    if (is_of_whole_mark(connection)) return "IP";
    return connection.protocol == model::Protocol::tcp ? "TCP" : "UDP";
}

std::string virtual_end(const model::Connection& connection) {
    if (is_of_whole_mark(connection)) return fmt::format("mark {}", connection.mark);
    return format_endpoint(connection.virtual_address, connection.virtual_port);
}

}  // namespace

ConnectionsView::ConnectionsView()
    : table_({{.title = "Prot"},
              {.title = "Client"},
              {.title = "Virtual"},
              {.title = "Real"},
              {.title = "State"},
              {.title = "Expires", .align = Align::right}}) {}

std::string ConnectionsView::render(const std::vector<model::Connection>& page,
                                    const Terminal& terminal) {
    table_.clear();
    for (const auto& connection : page) {
        table_.add({{.text = protocol_word(connection)},
                    {.text = format_endpoint(connection.client, connection.client_port)},
                    {.text = virtual_end(connection)},
                    {.text = format_endpoint(connection.real_address, connection.real_port)},
                    {.text = connection.state},
                    {.text = format_expiry(connection.expires_in_ms)}});
    }
    return table_.empty() ? "" : table_.render(terminal);
}

}  // namespace shoal::cli
