#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/descriptor.h"
#include "dataplane/bpf/devices.h"

namespace shoal::dataplane {

/// Why a program was left alone that may be ours.
constexpr const char* untold_program =
    "an XDP program is attached, and the kernel does not tell whose";

/// The kernel's number of a program; 0 where it does not tell.
std::uint32_t program_id(int fd);

/// Attaches our XDP program in native mode, and never touches another one. A program of our name is
/// ours as well: a run with other pins left it behind.
class XdpPrograms {
  public:
    /// `current` is attached from now on and outlives it; `former` are those of earlier runs that
    /// may still be attached.
    XdpPrograms(int current, std::vector<Descriptor> former);

    /// Whether ours, of this run or an earlier one, is attached.
    Result<bool> attached(const Device& device) const;
    /// Whether ours or one that an unknown run of ours left behind is attached.
    Result<bool> attached_or_left(const Device& device) const;
    /// A program is attached, and the kernel does not say whose (that needs CAP_SYS_ADMIN).
    Result<bool> untold(const Device& device) const;
    /// The error is the kernel's reason, in its words.
    Result<void> attach(const Device& device) const;
    Result<void> detach(const Device& device) const;
    /// Once they are attached nowhere: each keeps the table alive that it served.
    void forget_former();

  private:
    struct Found {
        /// Of our attached program; -1 where it is none of ours, or none at all.
        int fd = -1;
        /// Keeps `fd` open where nobody else does.
        Descriptor left_behind;
        bool untold = false;
    };
    Result<Found> find(const Device& device) const;

    int current_;
    std::vector<Descriptor> former_;
    /// By the kernel's number.
    std::map<std::uint32_t, int> ours_;
};

}  // namespace shoal::dataplane
