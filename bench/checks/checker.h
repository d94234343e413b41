#pragma once

#include <cstdint>
#include <string>

namespace shoal::bench {

struct CheckLoad {
    bool http = false;
    /// On 127.1.0.1 and the following addresses.
    int targets = 1000;
    int interval_ms = 1000;
    int seconds = 20;
    std::uint16_t port = 0;
    /// Nobody answers: all fail at once.
    bool refused = false;
    /// So many more, at `others_port`, where somebody else answers.
    int others = 0;
    std::uint16_t others_port = 0;
};

/// Checks as shoald does, and says what it cost as JSON.
std::string run_checker(const CheckLoad& load);

}  // namespace shoal::bench
