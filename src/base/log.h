#pragma once

#include <fmt/format.h>

#include <string_view>

namespace shoal {

enum class Message {
#define SHOAL_MESSAGE(id, level, explanation) id,
#include "base/messages.def"
#undef SHOAL_MESSAGE
};

/// The identifier in messages.def, for instance "real_server_down".
std::string_view message_id(Message message);
/// What the message means, from messages.def.
std::string_view message_explanation(Message message);

/// Writes "level identifier: text" to standard error; systemd's journal understands the <N> prefix
/// that is added when JOURNAL_STREAM is set.
void log_text(Message message, std::string_view text);

template <class... Args>
void log(Message message, fmt::format_string<Args...> format, Args&&... args) {
    log_text(message, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace shoal
