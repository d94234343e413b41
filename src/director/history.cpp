#include "director/history.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <utility>

#include "base/log.h"
#include "base/sha256.h"
#include "config/toml_reader.h"

namespace shoal::director {

namespace {

using Problems = std::vector<config::Problem>;

const config::Author by_file{.user = "file"};

/// A device that comes up later than shoald is no reason not to serve on the others.
std::expected<model::Configuration, Problems> read(std::string_view text) {
    return config::read_toml(text, {});
}

std::string directory_in(const std::string& state_directory, const char* name) {
    return (std::filesystem::path(state_directory) / name).string();
}

/// Of a file that exists, its own.
mode_t mode_for(const std::string& path) {
    struct stat present{};
    return stat(path.c_str(), &present) == 0 ? present.st_mode & 07777 : mode_t{0644};
}

/// Where a symbolic link leads: the link stays.
std::string place_of(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_symlink(path, error)) return path;
    const auto target = std::filesystem::canonical(path, error);
    return error ? path : target.string();
}

std::string first_of(const std::vector<config::Problem>& problems) {
    if (problems.empty()) return "";
    const auto& first = problems.front();
    return first.line == 0 ? first.message : fmt::format("line {}: {}", first.line, first.message);
}

}  // namespace

History::History(Disk& disk, const std::string& state_directory, std::string file)
    : disk_(disk),
      store_(disk, directory_in(state_directory, "revisions")),
      drafts_(disk, directory_in(state_directory, "drafts")),
      file_(std::move(file)) {}

void History::complain(std::string problem) {
    log(Message::revisions_damaged, "{}", problem);
    problems_.push_back(std::move(problem));
}

std::int64_t History::trial_left_ms(std::int64_t now_ms) const {
    const auto& trial = store_.standing().trial;
    if (!trial) return 0;
    return std::clamp<std::int64_t>(trial->deadline_ms - now_ms, 0, trial->span_ms);
}

std::optional<Beginning> History::use(std::uint64_t number) {
    auto revision = store_.read(number);
    if (!revision) return std::nullopt;
    auto configuration = read(revision->text);
    if (!configuration) return std::nullopt;
    in_force_ = std::move(revision->head);
    return Beginning{std::move(*configuration)};
}

std::expected<Beginning, NoBeginning> History::begin(std::int64_t now_ms) {
    for (auto& damage : store_.open())
        complain(std::move(damage));
    mark_unfinished();
    if (store_.standing().trial && trial_left_ms(now_ms) == 0) {
        log(Message::configuration_taken_back,
            "revision {}: nobody confirmed it in time, and shoald did not run then",
            store_.standing().in_force);
        if (const auto reverted = revert(); !reverted) complain(reverted.error().message);
    }
    auto text = file_text();
    if (auto last = last_of_before(text ? sha256(*text) : "", now_ms)) return std::move(*last);
    if (!text) return begin_with_last({.message = text.error().message});
    return begin_with_file(std::move(*text), now_ms);
}

void History::mark_unfinished() {
    auto standing = store_.standing();
    if (standing.in_force == 0) return;
    for (const auto& [number, head] : store_.revisions()) {
        // Numbers only grow, and one that was reverted is marked already.
        if (number > standing.in_force) standing.taken_back.insert(number);
    }
    if (standing == store_.standing()) return;
    if (const auto done = store_.stand(std::move(standing)); !done) complain(done.error().message);
}

std::optional<Beginning> History::last_of_before(const std::string& file_hash,
                                                 std::int64_t now_ms) {
    const auto& standing = store_.standing();
    // Where the file is as shoald knows it, nobody edited it; and an edit has to wait until a trial
    // is over.
    if (!standing.trial && (file_hash.empty() || file_hash != standing.file_hash))
        return std::nullopt;
    auto last = use(standing.in_force);
    if (!last) return std::nullopt;
    if (standing.trial) {
        auto former = store_.read(standing.trial->former);
        auto configuration = former ? read(former->text) : std::unexpected(Problems{});
        if (configuration) {
            last->former = std::move(*configuration);
            return last;
        }
        complain(fmt::format("revision {} cannot be put in force again; revision {} stays",
                             standing.trial->former, standing.in_force));
    }
    if (const auto written = stand(in_force_.number, {}, now_ms); !written)
        complain(written.error().message);
    return last;
}

std::expected<Beginning, NoBeginning> History::begin_with_file(std::string text,
                                                               std::int64_t now_ms) {
    auto configuration = read(text);
    if (!configuration) {
        const auto& problems = configuration.error();
        auto message = fmt::format("{} has {} problem{}: {}", file_, problems.size(),
                                   problems.size() == 1 ? "" : "s", first_of(problems));
        return begin_with_last({std::move(message), problems, std::move(text)});
    }
    if (const auto known = store_.read(store_.standing().in_force); known && known->text == text)
        in_force_ = known->head;
    const auto head = record(by_file, "found at the start of shoald", now_ms, text);
    if (!head) {
        complain(head.error().message);
        in_force_ = {.author = by_file, .time_ms = now_ms, .hash = sha256(text)};
    } else if (const auto stands = stand(head->number, {}, now_ms); !stands) {
        complain(stands.error().message);
        in_force_ = *head;
    }
    return Beginning{std::move(*configuration)};
}

std::expected<Beginning, NoBeginning> History::begin_with_last(NoBeginning&& wrong) {
    const auto& standing = store_.standing();
    std::vector<std::uint64_t> candidates;
    if (standing.in_force != 0) candidates.push_back(standing.in_force);
    for (const auto& [number, head] : store_.revisions()) {
        if (number != standing.in_force && !standing.taken_back.contains(number))
            candidates.push_back(number);
    }
    // After the one in force the newest.
    if (!candidates.empty())
        std::ranges::sort(candidates.begin() + 1, candidates.end(), std::greater());
    for (const auto number : candidates) {
        if (auto last = use(number)) {
            problems_.push_back(
                fmt::format("{}; revision {} is in force instead", wrong.message, number));
            log(Message::configuration_refused, "{}", problems_.back());
            return std::move(*last);
        }
    }
    return std::unexpected(std::move(wrong));
}

Result<config::RevisionHead> History::record(const config::Author& author, std::string_view comment,
                                             std::int64_t now_ms, std::string_view text) {
    if (in_force_.number != 0 && in_force_.hash == sha256(text)) return in_force_;
    return store_.record(author, comment, now_ms, text);
}

Result<std::vector<std::string>> History::stand(std::uint64_t number,
                                                std::optional<std::int64_t> trial_ms,
                                                std::int64_t now_ms) {
    auto revision = store_.read(number);
    if (!revision) return fail(revision.error());
    auto standing = store_.standing();
    if (number != standing.in_force) standing.predecessor = standing.in_force;
    standing.in_force = number;
    standing.taken_back.erase(number);
    standing.trial.reset();
    if (trial_ms) {
        standing.trial = config::Trial{.former = standing.predecessor,
                                       .deadline_ms = now_ms + *trial_ms,
                                       .span_ms = *trial_ms};
    }
    std::vector<std::string> remarks;
    // Before it counts for less than this revision, which the next shoald may have to write.
    if (!trial_ms) keep_edit(*revision, now_ms, standing, remarks);
    if (standing != store_.standing()) {
        if (auto done = store_.stand(std::move(standing)); !done) return fail(done.error());
    }
    in_force_ = revision->head;
    if (!trial_ms) write_file_of(*revision, remarks);
    return remarks;
}

void History::keep_edit(const config::Revision& revision, std::int64_t now_ms,
                        config::Standing& standing, std::vector<std::string>& remarks) {
    const auto present = file_text();
    if (!present || *present == revision.text) return;
    auto hash = sha256(*present);
    if (hash == standing.file_hash) return;
    const auto kept = store_.record(by_file, "edited by hand and never in force", now_ms, *present);
    if (!kept) return remark(kept.error(), remarks);
    standing.taken_back.insert(kept->number);
    standing.file_hash = std::move(hash);
    remarks.push_back(fmt::format("{} had been edited by hand; what it said is kept as revision {}",
                                  file_, kept->number));
}

void History::remark(const Error& error, std::vector<std::string>& remarks) {
    complain(error.message);
    remarks.push_back(error.message);
}

void History::write_file_of(const config::Revision& revision, std::vector<std::string>& remarks) {
    const auto present = file_text();
    if (!present && is_there(file_)) {
        remark(present.error().within(file_ + " is left as it is"), remarks);
        return;
    }
    if (!present || *present != revision.text) {
        // What nobody has anywhere else is not overwritten.
        if (present && sha256(*present) != store_.standing().file_hash) {
            remarks.push_back(file_ + " is left as it was edited by hand");
            return;
        }
        const auto written = replace_file(disk_, place_of(file_), revision.text, mode_for(file_));
        if (!written) return remark(written.error().within(file_ + " is not written"), remarks);
    }
    // What was wrong with it is right now.
    std::erase_if(problems_, [&](const auto& problem) { return problem.starts_with(file_); });
    auto standing = store_.standing();
    if (std::exchange(standing.file_hash, revision.head.hash) == revision.head.hash) return;
    if (const auto done = store_.stand(std::move(standing)); !done) remark(done.error(), remarks);
}

bool History::is_there(const std::string& path) const {
    const std::filesystem::path place(path);
    const auto parent = place.parent_path();
    const auto names = disk_.list(parent.empty() ? "." : parent.string());
    return !names || std::ranges::find(*names, place.filename().string()) != names->end();
}

void History::take_back(std::uint64_t number) {
    if (number == store_.standing().in_force) return;
    auto standing = store_.standing();
    standing.taken_back.insert(number);
    if (const auto done = store_.stand(std::move(standing)); !done) complain(done.error().message);
}

Result<std::vector<std::string>> History::confirm(std::int64_t now_ms) {
    return stand(in_force_.number, {}, now_ms);
}

Result<void> History::revert() {
    auto standing = store_.standing();
    if (!standing.trial) return fail("no revision waits for its confirmation");
    const auto former = store_.revisions().find(standing.trial->former);
    const bool known = former != store_.revisions().end();
    in_force_ = known ? former->second : config::RevisionHead{};
    standing.taken_back.insert(standing.in_force);
    // What is not known is found in the file, which a trial does not touch.
    standing.in_force = standing.predecessor = in_force_.number;
    standing.trial.reset();
    auto done = store_.stand(standing);
    // The kernel has the former one, whatever the disk says; the next shoald reverts it again.
    if (!done) store_.assume(std::move(standing));
    return done;
}

model::RevisionStatus History::status() {
    model::RevisionStatus status{.number = in_force_.number,
                                 .author = in_force_.author.user,
                                 .comment = in_force_.comment,
                                 .time_ms = in_force_.time_ms,
                                 .file_is_edited = file_is_edited()};
    if (const auto& trial = store_.standing().trial) {
        status.confirm_until_ms = trial->deadline_ms;
        status.former = trial->former;
    }
    return status;
}

Result<std::string> History::file_text() const {
    return disk_.read(file_, config::max_file_size);
}

bool History::file_is_edited() {
    struct stat now{};
    if (stat(file_.c_str(), &now) != 0) return true;
    const Sight sight{static_cast<std::int64_t>(now.st_ino),
                      now.st_size,
                      now.st_mtim.tv_sec,
                      now.st_mtim.tv_nsec,
                      now.st_ctim.tv_sec,
                      now.st_ctim.tv_nsec};
    if (sight != seen_) {
        const auto text = file_text();
        if (!text) return true;
        seen_hash_ = sha256(*text);
        seen_ = sight;
    }
    return seen_hash_ != store_.standing().file_hash;
}

}  // namespace shoal::director
