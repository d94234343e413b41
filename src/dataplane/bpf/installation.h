#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/descriptor.h"
#include "dataplane/bpf/loader.h"
#include "dataplane/bpf/pin_directory.h"
#include "dataplane/bpf/tables.h"

namespace shoal::dataplane {

/// The table that connections are being moved from.
struct FormerTable {
    /// Those that belong to it, and what it has in common with the one that takes over.
    Objects maps;
    TableSizes sizes;
    /// SHOAL_ABI_VERSION of whoever made it.
    std::uint32_t version;
    /// Unset where it is of another version, which has its own layouts.
    std::optional<Tables> tables;
};

/// The packet path as it stands pinned in the kernel.
struct Installation {
    Tables tables;
    Objects programs;
    /// It was running before this process.
    bool adopted = false;
    /// XDP programs of earlier runs, which may still be attached.
    std::vector<Descriptor> former_xdp;
    /// The table whose connections are to be moved to `tables`, see successor.h. Its programs stand
    /// in front. What belongs to no table is common to both.
    std::optional<FormerTable> former;
};

/// Creates the packet path under `pins`, or loads the programs onto the maps that are pinned there.
/// The pin of `settings` is the last one made and the first one removed: without it the others are
/// the remains of an interrupted creation or withdrawal and are cleared away. Nothing is created
/// among pins that are not ours. Where connections are being moved to another table, goes on so.
Result<Installation> install(const PinDirectory& pins, TableSizes sizes);

/// Loads and pins the programs of IPv6 where they are not there yet: few need them, and they take a
/// second or two. `pins`: of the table.
Result<void> add_ipv6(const PinDirectory& pins, Installation& installation);

/// An error in words where the machine has not the memory for a table. `beside` bytes are taken
/// meanwhile by another one.
Result<void> check_memory(TableSizes sizes, std::uint64_t beside);

/// Once the programs are attached wherever those of earlier runs were: makes them the pinned ones
/// and forgets the others.
Result<void> settle_programs(const PinDirectory& pins, const Objects& programs);

/// Removes every pin of ours, the commit marker first, and nothing else. May be repeated where it
/// failed half-way.
Result<void> clear_pins(const PinDirectory& pins);

/// Removes what another version has pinned and this one has not.
Result<void> drop_unknown_pins(const PinDirectory& pins);

/// Runs a program that is not for packets; `mark` is its argument. Its return value.
Result<std::uint32_t> run_program(int program, std::uint32_t mark);

constexpr const char* commit_marker = "settings";

}  // namespace shoal::dataplane
