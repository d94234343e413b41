#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/problem.h"
#include "model/configuration.h"

namespace shoal::config {

/// How large packets may be on this machine; empty where it is not known.
struct PathMtus {
    /// By device name.
    std::map<std::string, std::uint32_t> devices;
    /// Of the way to a real server: the device that packets leave by, and its or the route's MTU.
    std::map<net::Address, std::pair<std::string, std::uint32_t>> real_servers;
};

/// What a configuration without problems leaves to be done elsewhere, or probably lacks, in the
/// order of the file: FTP above all, whose data connections no setting of one port covers.
/// `text` is what read_toml() read `configuration` from. Tunnels through which the largest packets
/// of clients do not fit are noted where `mtus` are known.
std::vector<Problem> notes_on(const model::Configuration& configuration, std::string_view text,
                              const PathMtus& mtus = {});

}  // namespace shoal::config
