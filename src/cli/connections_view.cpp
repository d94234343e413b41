#include "cli/format.h"
#include "cli/views.h"

namespace shoal::cli {

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
        table_.add({{.text = connection.protocol == model::Protocol::tcp ? "TCP" : "UDP"},
                    {.text = format_endpoint(connection.client, connection.client_port)},
                    {.text = format_endpoint(connection.virtual_address, connection.virtual_port)},
                    {.text = format_endpoint(connection.real_address, connection.real_port)},
                    {.text = connection.state},
                    {.text = format_expiry(connection.expires_in_ms)}});
    }
    return table_.empty() ? "" : table_.render(terminal);
}

}  // namespace shoal::cli
