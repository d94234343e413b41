#include "health/check_reason.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace shoal::health {

std::string socket_error_in_words(int error_number) {
    switch (error_number) {
        case ECONNREFUSED:
            return "connection refused";
        case ECONNRESET:
        case EPIPE:
            return "connection reset";
        case EHOSTUNREACH:
        case EHOSTDOWN:
            return "no route to host";
        case ENETUNREACH:
            return "no route to its network";
        default:
            return std::generic_category().message(error_number);
    }
}

std::string in_words(Milliseconds duration) {
    const auto ms = duration.count();
    if (ms < 1000) return fmt::format("{} ms", ms);
    return fmt::format("{} s", static_cast<double>(ms) / 1000);
}

namespace {

std::string escaped(char byte) {
    switch (byte) {
        case '\n':
            return "\\n";
        case '\r':
            return "\\r";
        case '\t':
            return "\\t";
        case '"':
        case '\\':
            return {'\\', byte};
        default:
            break;
    }
    if (byte >= ' ' && byte <= '~') return {byte};
    return fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
}

}  // namespace

std::string in_quotes(std::string_view bytes, std::size_t longest) {
    std::string text = "\"";
    for (const char byte : bytes.substr(0, longest))
        text += escaped(byte);
    if (bytes.size() > longest) text += "...";
    return text + '"';
}

}  // namespace shoal::health
