#include "dataplane/bpf/successor.h"

#include <algorithm>
#include <filesystem>

#include "dataplane/bpf/installation.h"

namespace shoal::dataplane {

namespace {

std::string below(const char* directory, const std::string& name) {
    return std::string(directory) + "/" + name;
}

bool exists(const PinDirectory& pins, const char* directory) {
    std::error_code ignored;
    return std::filesystem::exists(pins.path() / directory, ignored);
}

void copy_settings(const shoal_settings& from, shoal_settings& to) {
    std::ranges::copy(from.timeout, &to.timeout[0]);
    to.secure_tcp = from.secure_tcp;
    to.route_generation = from.route_generation;
}

Result<void> pin_table(const PinDirectory& pins, const Tables& table) {
    for (const auto& [name, map] : table.maps) {
        if (!belongs_to_table(name) || name == commit_marker) continue;
        if (auto done = pins.pin(name, map.get()); !done) return done;
    }
    return pins.pin(commit_marker, table.fd(commit_marker));
}

}  // namespace

Result<void> make_successor(const PinDirectory& pins, const Tables& present, TableSizes sizes) {
    if (auto gone = drop_successor(pins); !gone) return gone;
    auto maps = make_table(present.maps, sizes);
    if (!maps) return fail(maps.error());
    auto table = Tables::map(std::move(*maps));
    if (!table) return fail(table.error());
    if (auto done = fill_fresh_tables(*table, sizes); !done) return done;
    copy_settings(present.settings[0], table->settings[0]);
    const auto directory = PinDirectory::open(pins.path() / successor_directory);
    if (!directory) return fail(directory.error());
    return pin_table(*directory, *table);
}

Result<std::optional<PinDirectory>> find_successor(const PinDirectory& pins) {
    if (!exists(pins, successor_directory)) return std::nullopt;
    auto directory = PinDirectory::open(pins.path() / successor_directory);
    if (!directory) return fail(directory.error());
    const auto marker = directory->get(commit_marker);
    if (!marker) return fail(marker.error());
    if (*marker) return std::move(*directory);
    if (auto gone = drop_successor(pins); !gone) return fail(gone.error());
    return std::nullopt;
}

Result<void> drop_successor(const PinDirectory& pins) {
    if (auto gone = pins.unpin(below(successor_directory, commit_marker)); !gone) return gone;
    return pins.remove_tree(successor_directory);
}

Result<void> promote_successor(const PinDirectory& pins) {
    if (exists(pins, successor_directory)) {
        if (auto done = pins.rename(successor_directory, promoted_directory); !done) return done;
    }
    return finish_promotion(pins);
}

Result<void> finish_promotion(const PinDirectory& pins) {
    if (!exists(pins, promoted_directory)) return {};
    const auto directory = PinDirectory::open(pins.path() / promoted_directory);
    if (!directory) return fail(directory.error());
    for (const std::string& name : directory->names()) {
        if (auto done = pins.rename(below(promoted_directory, name), name); !done) return done;
    }
    return pins.remove_tree(promoted_directory);
}

}  // namespace shoal::dataplane
