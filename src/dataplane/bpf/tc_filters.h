#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/devices.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// In front stands the table that serves what it knows; behind it, while connections move from one
/// table to another, the one that takes over.
enum class Place { front, behind };

/// Our filter at a device's ingress. What a restarted shoald must know of it is in its handle.
struct TcFilter {
    model::HookChoice wanted = model::HookChoice::automatic;
    /// The clsact qdisc was not there before us.
    bool made_qdisc = false;
    /// The kernel's number of the program that it runs.
    std::uint32_t program = 0;
    Place place = Place::front;
};

/// What the clsact qdisc of a device holds.
struct TcFilters {
    std::vector<TcFilter> ours;
    bool others = false;
};

enum class TcSide { ingress, egress };

/// What the kernel lists of one side of the qdisc, whoever's it is.
struct TcEntry {
    std::uint32_t priority = 0;
    /// 0: no filter, but the classifier that holds those of its priority.
    std::uint32_t handle = 0;
    /// The kernel's number, and the name, of a BPF program.
    std::uint32_t program = 0;
    std::string name;
};
Result<std::vector<TcEntry>> list_tc_entries(const Device& device, TcSide side);

/// Behind the packet path and the one that takes over from it.
inline constexpr std::uint32_t check_priority = 0x534a;
/// One of those programs, or what holds them; they may go with the qdisc.
bool is_of_checks(const TcEntry& entry);

Result<TcFilters> list_tc_filters(const Device& device);

/// Attaches the program, replacing ours atomically where one is; another choice is attached before
/// the former one goes.
Result<void> attach_tc(const Device& device, int program, model::HookChoice wanted,
                       Place place = Place::front);
/// Removes our filters that stand behind others of ours.
Result<void> detach_tc_behind(const Device& device);
/// Removes our filters, and the qdisc where we made it and nobody else uses it.
Result<void> detach_tc(const Device& device);

}  // namespace shoal::dataplane
