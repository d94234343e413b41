#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "http/message.h"

namespace shoal::http {

/// The only way JSON becomes text here: bytes that are no UTF-8 (a real server's answer may be
/// quoted) become U+FFFD instead of an exception.
std::string json_text(const nlohmann::json& json);

HttpResponse json_response(const nlohmann::json& json, int status = 200);

/// A problem by RFC 9457, the form of every answer that is no success, of the type that says no
/// more than the status does; `message` is its detail.
HttpResponse error_response(int status, const std::string& message);
/// One of a type of its own, with further `members`.
HttpResponse problem_response(int status, const std::string& type, const std::string& title,
                              const std::string& detail, nlohmann::json members);

}  // namespace shoal::http
