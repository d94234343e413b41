#include "cli/sent_events.h"

namespace shoal::cli {

bool SentEvents::take_line(std::string_view line) {
    if (line.empty()) {
        last_id_ = id_;
        return !event_.data.empty();
    }
    const auto take_field = [&](std::string_view field, std::string& value) {
        if (line.starts_with(field)) value = line.substr(field.size());
    };
    take_field("id: ", id_);
    take_field("event: ", event_.kind);
    take_field("data: ", event_.data);
    return false;
}

void SentEvents::break_off() {
    lines_ = {};
    event_ = {};
    id_ = last_id_;
}

}  // namespace shoal::cli
