#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "config/revision_format.h"

namespace shoal::config {

/// The configurations that were applied, in a directory: one file for each revision, and one that
/// says which is in force. Each change is one step that survives a power cut. One process writes.
class RevisionStore {
  public:
    /// Revisions kept; older ones go, but never the one in force, its predecessor, or one that may
    /// be put in force again.
    static constexpr std::size_t most_revisions = 200;

    /// `disk` must outlive it.
    RevisionStore(Disk& disk, std::string directory);

    /// Reads what is there. What is damaged is left alone and not used; one sentence for each.
    std::vector<std::string> open();

    /// Writes a new revision, which is not in force by that. The author's name and the comment are
    /// lines of text as parse_remark() takes them.
    Result<RevisionHead> record(const Author& author, std::string_view comment,
                                std::int64_t time_ms, std::string_view text);
    /// Says what is in force from now on, and forgets revisions that are too old.
    Result<void> stand(Standing standing);
    /// As stand(), until the end of this process only: the disk takes no more.
    void assume(Standing standing) { standing_ = std::move(standing); }

    /// By number.
    const std::map<std::uint64_t, RevisionHead>& revisions() const { return revisions_; }
    const Standing& standing() const { return standing_; }
    /// Fails where there is no such revision, or its file is damaged meanwhile.
    Result<Revision> read(std::uint64_t number) const;

  private:
    std::string path_of(std::uint64_t number) const;
    std::string standing_path() const;
    void open_revision(const std::string& name, std::vector<std::string>& damages);
    void open_standing(std::vector<std::string>& damages);
    Result<void> write(const std::string& path, std::string_view content);
    void forget_old_ones();

    Disk& disk_;
    std::string directory_;
    std::map<std::uint64_t, RevisionHead> revisions_;
    Standing standing_;
    /// Of any file that is there, damaged or not: numbers are not used twice.
    std::uint64_t highest_ = 0;
};

}  // namespace shoal::config
