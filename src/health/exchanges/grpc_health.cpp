#include "health/exchanges/grpc_health.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "health/check_reason.h"

namespace shoal::health {

namespace {

/// Before each message: whether it is compressed, and its length in four bytes.
constexpr std::size_t message_head = 5;

void append_varint(std::string& text, std::size_t value) {
    for (; value >= 0x80; value >>= 7U)
        text += static_cast<char>(value | 0x80U);
    text += static_cast<char>(value);
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        bytes.remove_prefix(1);
        value |= std::uint64_t{byte & 0x7fU} << shift;
        if ((byte & 0x80U) == 0) return value;
    }
    return std::nullopt;
}

/// False where there are not so many.
bool skip(std::string_view& bytes, std::uint64_t count) {
    if (count > bytes.size()) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
    return true;
}

/// Field 1 of HealthCheckResponse, 0 where it is left out; unset where the message is broken.
std::optional<std::uint64_t> serving_status(std::string_view message) {
    std::uint64_t status = 0;
    while (!message.empty()) {
        const auto tag = take_varint(message);
        if (!tag) return std::nullopt;
        const auto kind = *tag & 7U;
        std::optional<std::uint64_t> value;
        switch (kind) {
            case 0:  // a number
                value = take_varint(message);
                if (!value) return std::nullopt;
                if (*tag >> 3U == 1) status = *value;
                break;
            case 2:  // bytes behind their length
                value = take_varint(message);
                if (!value || !skip(message, *value)) return std::nullopt;
                break;
            case 1:  // eight bytes, or four
            case 5:
                if (!skip(message, kind == 1 ? 8 : 4)) return std::nullopt;
                break;
            default:
                return std::nullopt;
        }
    }
    return status;
}

std::string code_in_words(std::string_view status) {
    static constexpr std::array names{"OK",
                                      "CANCELLED",
                                      "UNKNOWN",
                                      "INVALID_ARGUMENT",
                                      "DEADLINE_EXCEEDED",
                                      "NOT_FOUND",
                                      "ALREADY_EXISTS",
                                      "PERMISSION_DENIED",
                                      "RESOURCE_EXHAUSTED",
                                      "FAILED_PRECONDITION",
                                      "ABORTED",
                                      "OUT_OF_RANGE",
                                      "UNIMPLEMENTED",
                                      "INTERNAL",
                                      "UNAVAILABLE",
                                      "DATA_LOSS",
                                      "UNAUTHENTICATED"};
    std::size_t code = names.size();
    const auto [end, error] = std::from_chars(status.data(), status.data() + status.size(), code);
    const bool is_number = error == std::errc() && end == status.data() + status.size();
    return is_number && code < names.size() ? names.at(code) : in_quotes(status);
}

std::string status_in_words(std::uint64_t status) {
    static constexpr std::array names{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
    const auto index = static_cast<std::size_t>(status);
    return index < names.size() ? names.at(index) : fmt::format("status {}", status);
}

/// Of the one message, without its head.
std::optional<std::string_view> message_of(std::string_view body) {
    if (body.size() < message_head || body[0] != 0) return std::nullopt;
    std::size_t length = 0;
    for (const char byte : body.substr(1, message_head - 1))
        length = length << 8U | static_cast<unsigned char>(byte);
    body.remove_prefix(message_head);
    if (length != body.size()) return std::nullopt;
    return body;
}

}  // namespace

std::string grpc_health_request(std::string_view service) {
    std::string message;
    if (!service.empty()) {
        message = "\x0a";  // field 1, bytes
        append_varint(message, service.size());
        message += service;
    }
    std::string request(message_head, '\0');
    for (std::size_t i = 0; i < 4; ++i)
        request[message_head - 1 - i] = static_cast<char>(message.size() >> (8 * i) & 0xffU);
    return request + message;
}

std::string grpc_health_fault(const GrpcHealthAnswer& answer) {
    if (answer.http_status != "200" && answer.grpc_status.empty())
        return fmt::format("answered HTTP status {}", in_quotes(answer.http_status));
    if (answer.grpc_status.empty()) return "answered without a gRPC status";
    if (answer.grpc_status != "0") {
        const auto& message = answer.grpc_message;
        return fmt::format("answered {}{}", code_in_words(answer.grpc_status),
                           message.empty() ? "" : " " + in_quotes(message));
    }
    const auto message = message_of(answer.body);
    const auto status = message ? serving_status(*message) : std::nullopt;
    if (!status)
        return fmt::format("answered {} instead of a health status", in_quotes(answer.body));
    constexpr std::uint64_t serving = 1;
    return status == serving ? "" : "answered " + status_in_words(*status);
}

}  // namespace shoal::health
