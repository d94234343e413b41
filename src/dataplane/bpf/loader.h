#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/descriptor.h"

namespace shoal::dataplane {

using Objects = std::map<std::string, Descriptor>;

/// Sizes that follow the table size; see settings in bpf/abi.h.
struct TableSizes {
    /// A power of two from 2^10 to SHOAL_MAX_CELLS.
    std::uint32_t cells = 0;

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
/// The names of all programs of both objects.
Result<std::vector<std::string>> program_names();

/// Loads both objects. `maps` is empty (all are created with `sizes`), or holds every map, and the
/// programs are loaded onto these.
Result<LoadedObjects> load_objects(Objects maps, TableSizes sizes);

/// An error where a map's type or layout is not what the programs expect.
Result<void> check_layouts(const Objects& maps, TableSizes sizes);

}  // namespace shoal::dataplane
