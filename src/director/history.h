#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "config/problem.h"
#include "config/revisions.h"
#include "director/drafts.h"
#include "model/configuration.h"
#include "model/revision_status.h"

namespace shoal::director {

/// What shoald begins with.
struct Beginning {
    model::Configuration configuration;
    /// What came before a revision on trial: it may be put in force again.
    std::optional<model::Configuration> former{};
};

/// Why shoald cannot begin: nothing that is recorded can be put in force either.
struct NoBeginning {
    std::string message;
    std::vector<config::Problem> problems{};
    /// Of the configuration file, to show its problems with.
    std::string text{};
};

/// The configurations of a director: its revisions, and the configuration file, which holds the one
/// in force unless somebody edits it. Knows files only; the kernel is the controller's.
class History {
  public:
    /// `disk` must outlive it. Revisions are kept in a directory below `state_directory`.
    History(Disk& disk, const std::string& state_directory, std::string file);

    /// Once, first of all: what is to be put in force. That is the file, which becomes a revision
    /// where it is a new text; the last revision where the file is not good, or only older than it
    /// because the power went; and the former one where the time to confirm is over. `now_ms` is
    /// wall clock, here and below.
    std::expected<Beginning, NoBeginning> begin(std::int64_t now_ms);

    /// A new revision, or the one in force where that has the same text.
    Result<config::RevisionHead> record(const config::Author& author, std::string_view comment,
                                        std::int64_t now_ms, std::string_view text);
    /// `number` is in force from now on. The file is written, too, unless it is on trial for
    /// `trial_ms`. Says what the administrator should know of the file; fails where nothing of it
    /// is on disk.
    Result<std::vector<std::string>> stand(std::uint64_t number,
                                           std::optional<std::int64_t> trial_ms,
                                           std::int64_t now_ms);
    /// `number` could not be put in force.
    void take_back(std::uint64_t number);
    /// The trial is over: what is in force stays.
    Result<std::vector<std::string>> confirm(std::int64_t now_ms);
    /// The trial is over: the former one is in force.
    Result<void> revert();

    /// What is in force; number 0 where it could not be recorded.
    const config::RevisionHead& in_force() const { return in_force_; }
    const std::optional<config::Trial>& trial() const { return store_.standing().trial; }
    /// How long the trial still lasts: not more than it was given, also where the clock was set
    /// back; 0: it is over.
    std::int64_t trial_left_ms(std::int64_t now_ms) const;
    const config::RevisionStore& store() const { return store_; }
    /// The file says something else than shoald last wrote there or took from it, or is not there.
    bool file_is_edited();
    Result<std::string> file_text() const;
    model::RevisionStatus status();
    const std::string& file() const { return file_; }
    Drafts& drafts() { return drafts_; }
    /// What is wrong with the store or was with the file at the start, one sentence each.
    const std::vector<std::string>& problems() const { return problems_; }

  private:
    /// What changes when a file does: inode, size, times of content and inode.
    using Sight = std::array<std::int64_t, 6>;

    /// What the last shoald had in force, unless the file was edited since.
    std::optional<Beginning> last_of_before(const std::string& file_hash, std::int64_t now_ms);
    std::expected<Beginning, NoBeginning> begin_with_last(NoBeginning&& wrong);
    std::expected<Beginning, NoBeginning> begin_with_file(std::string text, std::int64_t now_ms);
    std::optional<Beginning> use(std::uint64_t number);
    void complain(std::string problem);
    /// Says of revisions that a shoald was killed over that they never were in force.
    void mark_unfinished();
    /// Records what `revision` would overwrite in the file, and notes that in `standing`.
    void keep_edit(const config::Revision& revision, std::int64_t now_ms,
                   config::Standing& standing, std::vector<std::string>& remarks);
    void write_file_of(const config::Revision& revision, std::vector<std::string>& remarks);
    void remark(const Error& error, std::vector<std::string>& remarks);
    bool is_there(const std::string& path) const;

    Disk& disk_;
    config::RevisionStore store_;
    Drafts drafts_;
    std::string file_;
    config::RevisionHead in_force_;
    std::vector<std::string> problems_;
    /// The file at the last look, which is not read again until it changes.
    Sight seen_{};
    std::string seen_hash_;
};

}  // namespace shoal::director
