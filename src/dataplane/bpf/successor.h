#pragma once

#include <optional>

#include "base/result.h"
#include "dataplane/bpf/loader.h"
#include "dataplane/bpf/pin_directory.h"
#include "dataplane/bpf/record_layout.h"
#include "dataplane/bpf/tables.h"

// A table of another size stands beside the one that runs until the connections have moved. Its own
// maps and programs are pinned in a directory below the other ones, which a rename makes the
// running ones: whoever is killed on the way leaves a state that the next shoald goes on from.
//
//   no directory, or one without the commit marker   one table; the directory is what is left of a
//                                                    successor that never came to be
//   successor/ with the commit marker                connections move
//   promoted/                                        they have moved; its pins take the place of
//                                                    those above

namespace shoal::dataplane {

constexpr const char* successor_directory = "successor";
constexpr const char* promoted_directory = "promoted";

/// Makes and pins an empty table of `sizes` beside the one that `present` has, of this version or
/// another; `settings` are that one's. No program is loaded.
Result<void> make_successor(const PinDirectory& pins, const Objects& present,
                            const NumberRecord& settings, TableSizes sizes);
/// The directory of a successor with its commit marker; without that it is cleared away.
Result<std::optional<PinDirectory>> find_successor(const PinDirectory& pins);
/// Before any program of it is attached.
Result<void> drop_successor(const PinDirectory& pins);

/// The successor's pins take the place of the former table's. Once its programs have taken theirs.
Result<void> promote_successor(const PinDirectory& pins);
/// Goes on with that where it was interrupted.
Result<void> finish_promotion(const PinDirectory& pins);

}  // namespace shoal::dataplane
