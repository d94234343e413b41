#pragma once

#include <cstdint>
#include <string>

namespace shoal {

struct RunOptions {
    std::string socket = "/run/shoal/run.socket";
    /// Whom root becomes before it takes orders; empty: shoal-run, or nobody where that is none.
    std::string user;
    /// Besides root, a user whose orders are taken; empty: none.
    std::string allow;
    std::uint32_t most_running = 128;
    /// MiB.
    std::uint32_t memory = 256;
    std::uint32_t processes = 512;
};

/// Reads the command line. Where it asks for help, or is wrong, the text is printed and the process
/// ends, with 0 or 2.
RunOptions parse_run_options(int argc, char** argv);

}  // namespace shoal
