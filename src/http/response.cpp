#include "http/response.h"

#include <nlohmann/json.hpp>

namespace shoal::http {

std::string json_text(const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

HttpResponse json_response(const nlohmann::json& json, int status) {
    return {.status = status, .body = json_text(json)};
}

HttpResponse error_response(int status, const std::string& message) {
    return json_response({{"error", {{"message", message}}}}, status);
}

}  // namespace shoal::http
