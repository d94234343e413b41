#include "dataplane/bpf/installation.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include "base/log.h"
#include "dataplane/bpf/libbpf_options.h"
#include "dataplane/bpf/pool_store.h"
#include "dataplane/bpf/record_layout.h"
#include "dataplane/bpf/successor.h"
#include "model/table_memory.h"

namespace shoal::dataplane {

namespace {

constexpr const char* xdp_program = "shoal_xdp";
constexpr const char* new_suffix = "_new_";

std::string new_pin_name(const std::string& program, int fd) {
    bpf_prog_info info{};
    __u32 length = sizeof info;
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0
               ? fmt::format("{}{}{}", program, new_suffix, info.id)
               : program + new_suffix;
}

Result<void> pin_new_programs(const PinDirectory& pins, const Objects& programs) {
    for (const auto& [name, program] : programs) {
        if (auto done = pins.pin(new_pin_name(name, program.get()), program.get()); !done) {
            return done;
        }
    }
    return {};
}

Result<std::vector<Descriptor>> former_xdp_programs(const PinDirectory& pins) {
    std::vector<Descriptor> programs;
    for (const std::string& name : pins.names()) {
        if (!name.starts_with(xdp_program)) continue;
        auto program = pins.get(name);
        if (!program) return fail(program.error());
        if (*program) programs.push_back(std::move(*program));
    }
    return programs;
}

Result<void> start_sweeper(const Objects& programs) {
    const auto returned = run_program(programs.at("start_sweeper").get(), 0);
    if (!returned) return fail(returned.error().within("starting the sweeper"));
    if (*returned == 0) return {};
    return fail(fmt::format("the sweeper does not start (step {})", *returned));
}

// ---- What is ours

/// Names of everything that is ever pinned, apart from the mark of new programs.
Result<std::set<std::string>> our_names() {
    const auto maps = map_names();
    if (!maps) return fail(maps.error());
    const auto programs = program_names();
    if (!programs) return fail(programs.error());
    std::set<std::string> names(maps->begin(), maps->end());
    names.insert(programs->begin(), programs->end());
    names.insert(PoolStore::directory);
    names.insert(successor_directory);
    names.insert(promoted_directory);
    return names;
}

struct Pins {
    std::vector<std::string> ours;
    std::vector<std::string> others;
};

Result<Pins> sort_pins(const PinDirectory& pins) {
    const auto known = our_names();
    if (!known) return fail(known.error());
    Pins sorted;
    for (const std::string& name : pins.names()) {
        const bool ours = known->contains(name.substr(0, name.find(new_suffix)));
        (ours ? sorted.ours : sorted.others).push_back(name);
    }
    return sorted;
}

Result<void> check_nobody_else_is_there(const PinDirectory& pins) {
    const auto sorted = sort_pins(pins);
    if (!sorted) return fail(sorted.error());
    if (sorted->others.empty()) return {};
    return fail(fmt::format("{} holds things that are not Shoal's; give it a directory of its own",
                            pins.path().string()));
}

// ---- A new one

Result<void> pin_maps(const PinDirectory& pins, const Objects& maps) {
    for (const auto& [name, map] : maps) {
        if (name == commit_marker) continue;
        if (auto done = pins.pin(name, map.get()); !done) return done;
    }
    return pins.make_directory(PoolStore::directory);
}

Result<Installation> create(const PinDirectory& pins, TableSizes sizes) {
    if (auto good = check_nobody_else_is_there(pins); !good) return fail(good.error());
    if (auto done = clear_pins(pins); !done) return fail(done.error());
    if (auto fits = check_memory(sizes, 0); !fits) return fail(fits.error());
    auto loaded = load_objects({}, sizes);
    if (!loaded) return fail(loaded.error());
    if (auto done = pin_maps(pins, loaded->maps); !done) return fail(done.error());
    auto tables = Tables::map(std::move(loaded->maps));
    if (!tables) return fail(tables.error());
    if (auto done = fill_fresh_tables(*tables, sizes); !done) return fail(done.error());
    if (auto done = start_sweeper(loaded->programs); !done) return fail(done.error());
    if (auto done = settle_programs(pins, loaded->programs); !done) return fail(done.error());
    if (auto done = pins.pin(commit_marker, tables->fd(commit_marker)); !done) {
        return fail(done.error());
    }
    return Installation{std::move(*tables), std::move(loaded->programs), false, {}, {}};
}

// ---- One that runs

Result<Objects> open_maps(const PinDirectory& pins) {
    const auto names = map_names();
    if (!names) return fail(names.error());
    Objects maps;
    for (const std::string& name : *names) {
        auto map = pins.get(name);
        if (!map) return fail(map.error());
        if (*map) maps[name] = std::move(*map);
    }
    return maps;
}

std::uint32_t entries_of(const Objects& maps, const char* name) {
    const auto map = maps.find(name);
    bpf_map_info info{};
    __u32 length = sizeof info;
    if (map == maps.end() || bpf_obj_get_info_by_fd(map->second.get(), &info, &length) != 0)
        return 0;
    return info.max_entries;
}

/// Of a table with these settings. `maps`: those that are common to all tables.
TableSizes sizes_of(const Objects& maps, const NumberRecord& settings) {
    return {settings.get("cells"), entries_of(maps, "service_table"),
            entries_of(maps, "server_table")};
}

/// The table whose marker this is; where it is a successor's, `pins` hold what is common.
Result<Objects> open_table(const PinDirectory& pins, const PinDirectory& table, TableSizes sizes) {
    auto maps = open_maps(pins);
    if (!maps) return fail(maps.error());
    if (table.path() != pins.path()) {
        auto own = open_maps(table);
        if (!own) return fail(own.error());
        for (auto& [name, map] : *own)
            (*maps)[name] = std::move(map);
    }
    if (auto good = check_layouts(*maps, sizes); !good) {
        return fail(good.error().within(
            fmt::format("the data plane pinned under {} cannot be used", table.path().string())));
    }
    return maps;
}

Result<FormerTable> open_former(const PinDirectory& pins, const NumberRecord& settings) {
    auto maps = open_maps(pins);
    if (!maps) return fail(maps.error());
    const auto sizes = sizes_of(*maps, settings);
    FormerTable former{std::move(*maps), sizes, settings.get("abi_version"), {}};
    if (!former.maps.contains("connections")) return fail("the pinned table has no connections");
    if (former.version != SHOAL_ABI_VERSION) return former;
    auto own = open_table(pins, pins, former.sizes);
    if (!own) return fail(own.error());
    auto tables = Tables::map(std::move(*own));
    if (!tables) return fail(tables.error());
    former.tables = std::move(*tables);
    return former;
}

/// What makes a table of another version none for this shoald.
std::unexpected<Error> wrong_version(const PinDirectory& pins, std::uint32_t version,
                                     std::string_view remedy) {
    return fail(fmt::format(
        "the data plane pinned under {} has layout version {}, this shoald needs {}: {}",
        pins.path().string(), version, SHOAL_ABI_VERSION, remedy));
}

/// Where an earlier process had virtual servers of IPv6. `table` is where the table's programs are
/// pinned, and `pins` where those of the one are whose connections move to it.
Result<void> load_ipv6_again(const PinDirectory& pins, const PinDirectory& table,
                             LoadedObjects& loaded, TableSizes sizes) {
    for (const PinDirectory* directory : {&pins, &table}) {
        const auto before = directory->get(ipv6_program);
        if (!before) return fail(before.error());
        if (!*before) continue;
        auto programs = load_ipv6(loaded.maps, sizes);
        if (!programs) return fail(programs.error());
        loaded.programs.merge(*programs);
        return {};
    }
    return {};
}

/// `table` is where the table's own maps are pinned, and its programs.
Result<Installation> adopt(const PinDirectory& pins, const PinDirectory& table,
                           const NumberRecord& settings) {
    const auto common = open_maps(pins);
    if (!common) return fail(common.error());
    const auto sizes = sizes_of(*common, settings);
    auto maps = open_table(pins, table, sizes);
    if (!maps) return fail(maps.error());
    auto loaded = load_objects(std::move(*maps), sizes);
    if (!loaded) return fail(loaded.error());
    if (auto done = load_ipv6_again(pins, table, *loaded, sizes); !done) {
        // Nobody goes on for it in a table of its own.
        if (table.path() != pins.path()) return fail(done.error());
        log(Message::ipv6_not_loaded, "{}", done.error().message);
    }
    auto former = former_xdp_programs(table);
    if (!former) return fail(former.error());
    if (auto done = pin_new_programs(table, loaded->programs); !done) return fail(done.error());
    auto tables = Tables::map(std::move(loaded->maps));
    if (!tables) return fail(tables.error());
    if (auto done = start_sweeper(loaded->programs); !done) return fail(done.error());
    return Installation{
        std::move(*tables), std::move(loaded->programs), true, std::move(*former), {}};
}

/// Two tables, of which the one under `pins` itself is left for the other one.
Result<Installation> adopt_both(const PinDirectory& pins, const PinDirectory& successor,
                                const NumberRecord& settings) {
    auto former = open_former(pins, settings);
    if (!former) return fail(former.error());
    const auto marker = successor.get(commit_marker);
    if (!marker) return fail(marker.error());
    const auto own = NumberRecord::read(marker->get());
    if (!own) return fail(own.error());
    if (const auto version = own->get("abi_version"); version != SHOAL_ABI_VERSION) {
        return wrong_version(successor, version,
                             "connections are moving there; let the shoald that began it finish");
    }
    auto installation = adopt(pins, successor, *own);
    if (!installation) return installation;
    installation->former = std::move(*former);
    auto xdp = former_xdp_programs(pins);
    if (!xdp) return fail(xdp.error());
    std::ranges::move(*xdp, std::back_inserter(installation->former_xdp));
    return installation;
}

/// A table of this version, as large as the one of another version that runs.
Result<void> prepare_upgrade(const PinDirectory& pins, const NumberRecord& settings) {
    const auto maps = open_maps(pins);
    if (!maps) return fail(maps.error());
    const auto sizes = sizes_of(*maps, settings);
    if (!settings.has("draining") || !std::has_single_bit(sizes.cells)) {
        return fail("its settings are not what this shoald can read");
    }
    if (auto fits = check_memory(sizes, model::table_bytes(sizes.cells)); !fits) return fits;
    return make_successor(pins, *maps, settings, sizes);
}

/// The table that takes over from the one with these settings, if there is one. Another version's
/// that nothing has moved to yet is dropped: that shoald did not get further.
Result<std::optional<PinDirectory>> successor_of(const PinDirectory& pins,
                                                 const NumberRecord& settings) {
    auto successor = find_successor(pins);
    if (!successor || !*successor || settings.get("draining") != 0) return successor;
    const auto marker = (*successor)->get(commit_marker);
    if (!marker) return fail(marker.error());
    const auto own = NumberRecord::read(marker->get());
    if (own && own->get("abi_version") == SHOAL_ABI_VERSION) return successor;
    if (auto gone = drop_successor(pins); !gone) return fail(gone.error());
    return std::nullopt;
}

}  // namespace

/// The kernel would take it from whatever else runs here. Unknown memory is no reason to refuse.
Result<void> check_memory(TableSizes sizes, std::uint64_t beside) {
    std::ifstream file("/proc/meminfo");
    std::string word;
    std::uint64_t available = 0;  // kB
    while (file >> word) {
        if (word == "MemAvailable:" && file >> available) break;
    }
    const std::uint64_t needed = model::table_bytes(sizes.cells);
    if (available == 0 || needed <= available * 1024) return {};
    const std::string meanwhile =
        beside == 0 ? ""
                    : fmt::format(
                          " beside the {} MB of the present one, until the connections "
                          "have moved",
                          beside >> 20);
    return fail(
        fmt::format("a table of {} cells takes {} MB{}, {} are free: lower table_size in "
                    "[global], or add memory",
                    sizes.cells, needed >> 20, meanwhile, available >> 10));
}

Result<std::uint32_t> run_program(int program, std::uint32_t mark) {
    // The shortest packet the kernel accepts for a test run.
    const std::array<std::byte, 64> packet{};
    __sk_buff context{};
    context.mark = mark;
    LibbpfOptions<bpf_test_run_opts> options;
    options.data_in = packet.data();
    options.data_size_in = packet.size();
    options.ctx_in = &context;
    options.ctx_size_in = sizeof context;
    options.repeat = 1;
    if (const int error = bpf_prog_test_run_opts(program, &options); error != 0) {
        return fail(system_error("running a control program", error));
    }
    return options.retval;
}

Result<Installation> install(const PinDirectory& pins, TableSizes sizes) {
    if (auto done = finish_promotion(pins); !done) return fail(done.error());
    const auto marker = pins.get(commit_marker);
    if (!marker) return fail(marker.error());
    if (!*marker) return create(pins, sizes);
    const auto settings = NumberRecord::read(marker->get());
    if (!settings) return fail(settings.error());
    const auto version = settings->get("abi_version");
    if (version != SHOAL_ABI_VERSION && settings->get("common_version") != SHOAL_COMMON_VERSION) {
        return wrong_version(pins, version,
                             "its connections cannot be taken over; withdraw it with the shoald "
                             "that made it");
    }
    auto successor = successor_of(pins, *settings);
    if (!successor) return fail(successor.error());
    if (!*successor && version != SHOAL_ABI_VERSION) {
        if (auto done = prepare_upgrade(pins, *settings); !done) {
            return fail(done.error().within("taking over from another version"));
        }
        successor = find_successor(pins);
        if (!successor) return fail(successor.error());
    }
    return *successor ? adopt_both(pins, **successor, *settings) : adopt(pins, pins, *settings);
}

Result<void> add_ipv6(const PinDirectory& pins, Installation& installation) {
    if (installation.programs.contains(ipv6_program)) return {};
    auto programs = load_ipv6(installation.tables.maps, installation.tables.sizes());
    if (!programs) return fail(programs.error());
    if (auto done = settle_programs(pins, *programs); !done) return done;
    installation.programs.merge(*programs);
    return {};
}

Result<void> settle_programs(const PinDirectory& pins, const Objects& programs) {
    for (const auto& [name, program] : programs) {
        const std::string fresh = new_pin_name(name, program.get());
        const auto pinned = pins.get(fresh);
        if (!pinned) return fail(pinned.error());
        if (!*pinned) {
            if (auto done = pins.pin(fresh, program.get()); !done) return done;
        }
        if (auto done = pins.rename(fresh, name); !done) return done;
    }
    for (const std::string& name : pins.names()) {
        const auto mark = name.find(new_suffix);
        if (mark == std::string::npos || !programs.contains(name.substr(0, mark))) continue;
        if (auto done = pins.unpin(name); !done) return done;
    }
    return {};
}

Result<void> drop_unknown_pins(const PinDirectory& pins) {
    const auto sorted = sort_pins(pins);
    if (!sorted) return fail(sorted.error());
    for (const std::string& name : sorted->others) {
        if (auto gone = pins.unpin(name); !gone) return gone;
    }
    return {};
}

Result<void> clear_pins(const PinDirectory& pins) {
    const auto sorted = sort_pins(pins);
    if (!sorted) return fail(sorted.error());
    if (auto gone = pins.unpin(commit_marker); !gone) return gone;
    for (const std::string& name : sorted->ours) {
        if (auto gone = pins.remove_tree(name); !gone) return gone;
    }
    return {};
}

}  // namespace shoal::dataplane
