#include "director/drafts.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/sha256.h"
#include "config/toml_reader.h"

namespace shoal::director {

namespace {

constexpr mode_t private_mode = 0600;
constexpr std::string_view ending = ".draft";
/// A name and no comment stand before the text.
constexpr std::size_t longest_file = config::max_file_size + (64UZ << 10);

/// A user's name is no name of a file.
std::string file_of(const std::string& user) {
    return sha256(user) + std::string(ending);
}

}  // namespace

Drafts::Drafts(Disk& disk, std::string directory) : disk_(disk), directory_(std::move(directory)) {}

std::string Drafts::path_of(const std::string& user) const {
    return directory_ + "/" + file_of(user);
}

Result<bool> Drafts::exists(const std::string& user, std::size_t* count) const {
    const auto names = disk_.list(directory_);
    if (!names) return fail(names.error());
    if (count != nullptr) {
        *count = static_cast<std::size_t>(
            std::ranges::count_if(*names, [](const auto& name) { return name.ends_with(ending); }));
    }
    return std::ranges::find(*names, file_of(user)) != names->end();
}

Result<std::optional<config::Revision>> Drafts::read(const std::string& user) const {
    const auto there = exists(user);
    if (!there) return fail(there.error());
    if (!*there) return std::optional<config::Revision>();
    const auto file = disk_.read(path_of(user), longest_file);
    if (!file) return fail(file.error());
    auto draft = config::parse_revision(*file);
    if (!draft) return fail(draft.error().within("the draft of " + user));
    return std::optional(std::move(*draft));
}

Result<void> Drafts::keep(const config::Revision& draft) {
    const auto& user = draft.head.author.user;
    if (draft.text.size() > config::max_file_size)
        return fail(fmt::format("the text has more than {} bytes", config::max_file_size));
    std::size_t count = 0;
    const auto there = exists(user, &count);
    if (!there) return fail(there.error());
    if (!*there && count >= most_drafts)
        return fail(fmt::format("{} drafts are kept already; somebody must remove one", count));
    if (auto made = disk_.make_directories(directory_); !made) return made;
    return replace_file(disk_, path_of(user), config::revision_file(draft), private_mode);
}

Result<void> Drafts::remove(const std::string& user) {
    const auto there = exists(user);
    if (!there) return fail(there.error());
    if (!*there) return {};
    if (auto removed = disk_.remove(path_of(user)); !removed) return removed;
    return disk_.sync_directory(directory_);
}

}  // namespace shoal::director
