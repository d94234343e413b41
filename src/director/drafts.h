#pragma once

#include <optional>
#include <string>

#include "base/disk.h"
#include "config/revision_format.h"

namespace shoal::director {

/// Configurations that users write and have not applied, one for each user, so that a lost page or
/// a restart loses nothing. Each is kept as a revision is: its author is the user, its number that
/// of the revision it was begun with.
class Drafts {
  public:
    static constexpr std::size_t most_drafts = 200;

    /// `disk` must outlive it.
    Drafts(Disk& disk, std::string directory);

    /// Unset: the user keeps none.
    Result<std::optional<config::Revision>> read(const std::string& user) const;
    /// Replaces the one that its author has.
    Result<void> keep(const config::Revision& draft);
    Result<void> remove(const std::string& user);

  private:
    std::string path_of(const std::string& user) const;
    /// Whether there is one, and how many there are.
    Result<bool> exists(const std::string& user, std::size_t* count = nullptr) const;

    Disk& disk_;
    std::string directory_;
};

}  // namespace shoal::director
