#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <cstdlib>

namespace shoal {

namespace {

struct MessageEntry {
    std::string_view id;
    spdlog::level::level_enum level;
    std::string_view explanation;
};

constexpr auto info = spdlog::level::info;
constexpr auto warn = spdlog::level::warn;
constexpr auto error = spdlog::level::err;

constexpr std::array entries{
#define SHOAL_MESSAGE(id, level, explanation) MessageEntry{#id, level, explanation},
#include "base/messages.def"
#undef SHOAL_MESSAGE
};

const MessageEntry& entry(Message message) {
    return entries.at(static_cast<size_t>(message));
}

std::string journal_prefix(spdlog::level::level_enum level) {
    if (std::getenv("JOURNAL_STREAM") == nullptr) return "";
    switch (level) {
        case error:
            return "<3>";
        case warn:
            return "<4>";
        default:
            return "<6>";
    }
}

spdlog::logger& logger() {
    static const auto instance = [] {
        auto created = spdlog::stderr_logger_mt("shoal");
        created->set_pattern(std::getenv("JOURNAL_STREAM") ? "%v" : "%Y-%m-%d %H:%M:%S.%e %l %v");
        created->flush_on(spdlog::level::info);
        return created;
    }();
    return *instance;
}

}  // namespace

std::string_view message_id(Message message) {
    return entry(message).id;
}

std::string_view message_explanation(Message message) {
    return entry(message).explanation;
}

void log_text(Message message, std::string_view text) {
    const auto& [id, level, explanation] = entry(message);
    logger().log(level, "{}{}: {}", journal_prefix(level), id, text);
}

}  // namespace shoal
