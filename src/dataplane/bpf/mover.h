#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "dataplane/bpf/descriptor.h"
#include "dataplane/bpf/installation.h"
#include "dataplane/bpf/mapped_array.h"
#include "dataplane/bpf/tables.h"
#include "dataplane/dataplane.h"
#include "move_request.h"

struct bpf_object_open_opts;

namespace shoal::dataplane {

/// Moves the connections of one table to another in the kernel, slice by slice: first the
/// persistence templates, then the connections, which find theirs. Packets find each of them all
/// the time. Safe to begin again at any moment.
class Mover {
  public:
    static Result<Mover> load(const Tables& to, const FormerTable& from);

    /// For about the time of one turn of the loop. `none`: the former table is empty; `waiting`:
    /// all that is left waits for its sweeper, or for room in the new table.
    Result<Work> step();

  private:
    /// The program for the connections of an address family.
    struct Family {
        Descriptor program;
        MappedArray<shoal_move> request;
    };
    Mover(std::array<Family, 2> families, std::uint32_t cells)
        : families_(std::move(families)), cells_(cells) {}
    template <class Skeleton>
    static Result<Family> load_family(const Tables& to, const FormerTable& from,
                                      const bpf_object_open_opts& options, const char* name);

    Result<void> move_slice_of(Family& family);

    /// What a whole pass over the former table came to, where this slice was its end.
    Result<std::optional<Work>> move_slice();
    Work end_pass();

    std::array<Family, 2> families_;
    /// Of the former table.
    std::uint32_t cells_;
    /// Of the pass under way.
    bool templates_ = true;
    std::uint32_t next_ = 0;
    std::uint32_t moved_ = 0;
    std::uint32_t waiting_ = 0;
    std::uint32_t taken_ = 0;
};

}  // namespace shoal::dataplane
