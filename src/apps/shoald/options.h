#pragma once

#include <string>

namespace shoal {

struct DaemonOptions {
    std::string configuration_file = "/etc/shoal/shoal.toml";
    std::string socket = "/run/shoal/shoald.sock";
    /// Of shoal-run, which runs programs.
    std::string run_socket = "/run/shoal/run.socket";
    std::string pin_directory = "/sys/fs/bpf/shoal";
    std::string state_directory = "/var/lib/shoal";
    std::string runtime_directory = "/run/shoal";
    /// Withdraw addresses and data plane instead of serving.
    bool withdraw = false;
};

/// Reads the command line. Where it asks for help, or is wrong, the text is printed and the process
/// ends, with 0 or 2.
DaemonOptions parse_options(int argc, char** argv);

}  // namespace shoal
