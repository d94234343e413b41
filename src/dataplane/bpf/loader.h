#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "abi.h"
#include "base/result.h"
#include "dataplane/bpf/descriptor.h"

namespace shoal::dataplane {

using Objects = std::map<std::string, Descriptor>;

/// Sizes that are set before loading.
struct TableSizes {
    /// A power of two from 2^10 to SHOAL_MAX_CELLS. What follows it: settings in bpf/abi.h.
    std::uint32_t cells = 0;
    /// Virtual servers and real servers that there is room for; common to all tables.
    std::uint32_t services = SHOAL_USUAL_SERVICES;
    std::uint32_t servers = SHOAL_USUAL_SERVERS;

    std::uint32_t buckets() const { return cells / 4; }
    std::uint32_t overflow() const { return cells / 16 < 64 ? 64 : cells / 16; }
};

/// The packet path in the kernel, by the names in bpf/. Nothing is pinned or attached yet.
struct LoadedObjects {
    Objects maps;
    Objects programs;
};

/// The names of all maps of the packet path.
Result<std::vector<std::string>> map_names();
/// The names of all programs of all objects.
Result<std::vector<std::string>> program_names();

/// Whether a map is a part of the table of connections, which there are two of while connections
/// move from one to another. The other maps are common to both.
bool belongs_to_table(std::string_view map);
/// Whether a map is of one version alone: copies of records, what a CPU keeps from one packet to
/// the next at most, tracing. What belongs neither to a version nor to a table goes from one
/// version to another as it is (SHOAL_COMMON_VERSION).
bool belongs_to_version(std::string_view map);
enum class Origin { same_version, other_version };
/// The maps of another table, and those of `present` that are common to both: every map, no
/// program. What `present` has not, or has fewer verdicts in, is made anew too.
Result<Objects> make_table(const Objects& present, Origin origin, TableSizes sizes);

/// Loads the objects of IPv4, of both hooks. `maps` is empty (all are created with `sizes`), or
/// holds every map, and the programs are loaded onto these.
Result<LoadedObjects> load_objects(Objects maps, TableSizes sizes);

/// Loads those of IPv6 onto the maps, and returns their programs. Those of IPv4 hand over to them
/// from now on. The verifier takes longer over them than over all else.
Result<Objects> load_ipv6(const Objects& maps, TableSizes sizes);
constexpr const char* ipv6_program = "shoal_ipv6_tc";

/// An error where a map's type or layout is not what the programs expect.
Result<void> check_layouts(const Objects& maps, TableSizes sizes);

}  // namespace shoal::dataplane
