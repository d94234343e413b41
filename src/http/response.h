#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "http/message.h"

namespace shoal::http {

/// The only way JSON becomes text here: bytes that are no UTF-8 (a real server's answer may be
/// quoted) become U+FFFD instead of an exception.
std::string json_text(const nlohmann::json& json);

HttpResponse json_response(const nlohmann::json& json, int status = 200);

/// {"error": {"message": ...}}, the form of every answer that is no success.
HttpResponse error_response(int status, const std::string& message);

}  // namespace shoal::http
