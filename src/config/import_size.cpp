#include "config/import_size.h"

#include <fmt/format.h>

#include "model/configuration.h"

namespace shoal::config {

void ImportSize::add_virtual_server(Position place) {
    if (++virtual_servers_ <= model::max_virtual_servers) return;
    errors_.add(place, "too many virtual servers",
                fmt::format("at most {}", model::max_virtual_servers));
    is_too_large_ = true;
}

void ImportSize::add_real_server(Position place) {
    if (++real_servers_ <= model::max_real_servers) return;
    errors_.add(place, "too many real servers in all",
                fmt::format("at most {}", model::max_real_servers));
    is_too_large_ = true;
}

}  // namespace shoal::config
