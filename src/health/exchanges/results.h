#pragma once

#include <string>
#include <utility>

#include "health/exchange.h"

namespace shoal::health {

inline Exchange::Step wait_on() {
    return {};
}
inline Exchange::Step send_on(std::string bytes) {
    return {.send = std::move(bytes), .result = std::nullopt};
}
inline Exchange::Step answered() {
    return {.send = {}, .result = CheckResult{.outcome = Outcome::answered, .reason = {}}};
}
inline Exchange::Step failed(std::string reason) {
    return {.send = {},
            .result = CheckResult{.outcome = Outcome::failed, .reason = std::move(reason)}};
}
/// The director cannot ask.
inline Exchange::Step not_asked(const std::string& reason) {
    return {.send = {},
            .result = CheckResult{.outcome = Outcome::not_asked,
                                  .reason = "the director cannot check: " + reason}};
}

}  // namespace shoal::health
