#pragma once

#include <array>
#include <string_view>

#include "abi.h"

namespace shoal::dataplane {

struct VerdictText {
    std::string_view name;
    std::string_view meaning;
};

/// By enum shoal_verdict.
inline constexpr std::array<VerdictText, SHOAL_VERDICT_COUNT> verdict_texts{{
#define SHOAL_VERDICT_TEXT(name, meaning) {#name, meaning},
    SHOAL_VERDICTS(SHOAL_VERDICT_TEXT)
#undef SHOAL_VERDICT_TEXT
}};

}  // namespace shoal::dataplane
