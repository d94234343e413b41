#include "config/revisions.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/log.h"
#include "base/sha256.h"
#include "config/toml_reader.h"

namespace shoal::config {

namespace {

constexpr std::string_view ending = ".revision";
constexpr mode_t private_mode = 0600;
/// The head has a comment and a name, each a line.
constexpr std::size_t longest_file = max_file_size + (64UZ << 10);

/// Whether a revision with these can be read back.
Result<void> check(const Author& author, std::string_view comment, std::string_view text) {
    if (const auto line = parse_remark(author.user); !line)
        return fail(line.error().within("the author's name"));
    if (const auto line = parse_remark(comment); !line)
        return fail(line.error().within("the comment"));
    if (text.size() > max_file_size)
        return fail(fmt::format("the text has more than {} bytes", max_file_size));
    return {};
}

/// The number in "000041.revision".
std::optional<std::uint64_t> number_in(std::string_view name) {
    if (!name.ends_with(ending)) return std::nullopt;
    name.remove_suffix(ending.size());
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
    return number;
}

}  // namespace

RevisionStore::RevisionStore(Disk& disk, std::string directory)
    : disk_(disk), directory_(std::move(directory)) {}

std::string RevisionStore::path_of(std::uint64_t number) const {
    return fmt::format("{}/{:06}{}", directory_, number, ending);
}

std::string RevisionStore::standing_path() const {
    return directory_ + "/in-force";
}

std::vector<std::string> RevisionStore::open() {
    std::vector<std::string> damages;
    revisions_.clear();
    standing_ = {};
    const auto names = disk_.list(directory_);
    if (!names) damages.push_back(names.error().message);
    for (const auto& name : names.value_or(std::vector<std::string>{}))
        open_revision(name, damages);
    open_standing(damages);
    return damages;
}

void RevisionStore::open_revision(const std::string& name, std::vector<std::string>& damages) {
    const auto number = number_in(name);
    // Others are not ours, or were being written when the power went.
    if (!number || directory_ + "/" + name != path_of(*number)) return;
    highest_ = std::max(highest_, *number);
    auto revision = disk_.read(path_of(*number), longest_file).and_then([](const auto& file) {
        return parse_revision(file);
    });
    if (revision && revision->head.number != *number)
        revision = fail("it is damaged: its number is another one");
    if (!revision) {
        damages.push_back(fmt::format("revision {}: {}", *number, revision.error().message));
        return;
    }
    revisions_.emplace(*number, std::move(revision->head));
}

void RevisionStore::open_standing(std::vector<std::string>& damages) {
    const auto names = disk_.list(directory_);
    if (!names || std::ranges::find(*names, "in-force") == names->end()) return;
    auto standing = disk_.read(standing_path(), longest_file).and_then([](const auto& file) {
        return parse_standing(file);
    });
    if (!standing) {
        damages.push_back(standing.error().within(standing_path()).message);
        return;
    }
    standing_ = std::move(*standing);
    highest_ = std::max(highest_, standing_.in_force);
}

Result<void> RevisionStore::write(const std::string& path, std::string_view content) {
    if (auto made = disk_.make_directories(directory_); !made) return made;
    return replace_file(disk_, path, content, private_mode);
}

Result<RevisionHead> RevisionStore::record(const Author& author, std::string_view comment,
                                           std::int64_t time_ms, std::string_view text) {
    if (const auto good = check(author, comment, text); !good)
        return fail(good.error().within("recording the revision"));
    const Revision revision{{.number = highest_ + 1,
                             .author = author,
                             .comment = std::string(comment),
                             .time_ms = time_ms,
                             .hash = sha256(text)},
                            std::string(text)};
    if (auto written = write(path_of(revision.head.number), revision_file(revision)); !written)
        return fail(written.error().within("recording the revision"));
    highest_ = revision.head.number;
    revisions_.emplace(highest_, revision.head);
    return revision.head;
}

Result<void> RevisionStore::stand(Standing standing) {
    std::erase_if(standing.taken_back,
                  [&](std::uint64_t number) { return !revisions_.contains(number); });
    if (auto written = write(standing_path(), standing_file(standing)); !written)
        return fail(written.error().within("recording which revision is in force"));
    standing_ = std::move(standing);
    forget_old_ones();
    return {};
}

void RevisionStore::forget_old_ones() {
    const auto is_needed = [&](std::uint64_t number) {
        return number == standing_.in_force || number == standing_.predecessor ||
               (standing_.trial && number == standing_.trial->former);
    };
    for (auto it = revisions_.begin();
         revisions_.size() > most_revisions && it != revisions_.end();) {
        if (is_needed(it->first)) {
            ++it;
            continue;
        }
        // One that stays is read again the next time, and tried again.
        if (const auto removed = disk_.remove(path_of(it->first)); !removed)
            log(Message::revisions_damaged, "{}", removed.error().message);
        it = revisions_.erase(it);
    }
}

Result<Revision> RevisionStore::read(std::uint64_t number) const {
    const auto head = revisions_.find(number);
    if (head == revisions_.end()) return fail(fmt::format("there is no revision {}", number));
    auto revision = disk_.read(path_of(number), longest_file).and_then([](const auto& file) {
        return parse_revision(file);
    });
    if (!revision) return fail(fmt::format("revision {}: {}", number, revision.error().message));
    if (revision->head != head->second)
        return fail(fmt::format("revision {}: its file was changed by somebody else", number));
    return revision;
}

}  // namespace shoal::config
