#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "health/exchange.h"
#include "model/pattern.h"

// The exchanges of make_exchange(), each in a file of its own.

namespace shoal::health {

struct Preset;

std::unique_ptr<Exchange> make_text_exchange(const Question& question);
/// Of http and https.
std::unique_ptr<Exchange> make_http_exchange(const Question& question);
std::unique_ptr<Exchange> make_dns_exchange(const Question& question);
std::unique_ptr<Exchange> make_grpc_exchange(const Question& question);
/// `preset` must outlive it.
std::unique_ptr<Exchange> make_preset_exchange(const Question& question, const Preset& preset);

/// A compiled pattern, kept for the next check with the same one. `text` is what validation let
/// pass; unset where it is bad all the same.
std::optional<model::Pattern> kept_pattern(
    std::string_view text,
    model::Pattern::Characters characters = model::Pattern::Characters::utf8);

}  // namespace shoal::health
