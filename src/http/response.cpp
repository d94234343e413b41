#include "http/response.h"

#include <nlohmann/json.hpp>

namespace shoal::http {

namespace {

/// As RFC 9110 calls them; those that are answered here.
std::string reason_phrase(int status) {
    switch (status) {
        case 400:
            return "Bad Request";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 409:
            return "Conflict";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 422:
            return "Unprocessable Content";
        case 431:
            return "Request Header Fields Too Large";
        default:
            return "Internal Server Error";
    }
}

}  // namespace

std::string json_text(const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

HttpResponse json_response(const nlohmann::json& json, int status) {
    return {.status = status, .body = json_text(json)};
}

HttpResponse error_response(int status, const std::string& message) {
    return problem_response(status, "about:blank", reason_phrase(status), message,
                            nlohmann::json::object());
}

HttpResponse problem_response(int status, const std::string& type, const std::string& title,
                              const std::string& detail, nlohmann::json members) {
    members["type"] = type;
    members["title"] = title;
    members["status"] = status;
    members["detail"] = detail;
    auto response = json_response(members, status);
    response.content_type = "application/problem+json";
    return response;
}

}  // namespace shoal::http
