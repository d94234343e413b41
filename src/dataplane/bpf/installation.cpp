#include "dataplane/bpf/installation.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <set>

#include "dataplane/bpf/libbpf_options.h"
#include "dataplane/bpf/pool_store.h"
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

/// The kernel would take it from whatever else runs here. Unknown memory is no reason to refuse.
Result<void> check_memory(TableSizes sizes) {
    std::ifstream file("/proc/meminfo");
    std::string word;
    std::uint64_t available = 0;  // kB
    while (file >> word) {
        if (word == "MemAvailable:" && file >> available) break;
    }
    const std::uint64_t needed = model::table_bytes(sizes.cells);
    if (available == 0 || needed <= available * 1024) return {};
    return fail(
        fmt::format("a table of {} cells takes {} MB, {} are free: lower table_size in "
                    "[global], or add memory",
                    sizes.cells, needed >> 20, available >> 10));
}

Result<Installation> create(const PinDirectory& pins, TableSizes sizes) {
    if (auto good = check_nobody_else_is_there(pins); !good) return fail(good.error());
    if (auto done = clear_pins(pins); !done) return fail(done.error());
    if (auto fits = check_memory(sizes); !fits) return fail(fits.error());
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
    return Installation{std::move(*tables), std::move(loaded->programs), false, {}};
}

// ---- One that runs

Result<shoal_settings> read_settings(int map) {
    bpf_map_info info{};
    __u32 length = sizeof info;
    if (bpf_obj_get_info_by_fd(map, &info, &length) != 0) {
        return fail(system_error("looking at the pinned settings", errno));
    }
    // Of another version it may be of any size.
    std::vector<std::byte> value(std::max<std::size_t>(info.value_size, sizeof(shoal_settings)));
    const std::uint32_t key = 0;
    if (bpf_map_lookup_elem(map, &key, value.data()) != 0) {
        return fail(system_error("reading the pinned settings", errno));
    }
    shoal_settings settings{};
    std::memcpy(&settings, value.data(), sizeof settings);
    return settings;
}

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

Result<Installation> adopt(const PinDirectory& pins, const Descriptor& marker) {
    const auto settings = read_settings(marker.get());
    if (!settings) return fail(settings.error());
    if (settings->abi_version != SHOAL_ABI_VERSION) {
        return fail(
            fmt::format("the data plane pinned under {} has layout version {}, this shoald "
                        "needs {}: withdraw it with the shoald that made it",
                        pins.path().string(), settings->abi_version, SHOAL_ABI_VERSION));
    }
    const TableSizes sizes{settings->cells};
    auto maps = open_maps(pins);
    if (!maps) return fail(maps.error());
    if (auto good = check_layouts(*maps, sizes); !good) {
        return fail(good.error().within(
            fmt::format("the data plane pinned under {} cannot be used", pins.path().string())));
    }
    auto loaded = load_objects(std::move(*maps), sizes);
    if (!loaded) return fail(loaded.error());
    auto former = former_xdp_programs(pins);
    if (!former) return fail(former.error());
    if (auto done = pin_new_programs(pins, loaded->programs); !done) return fail(done.error());
    auto tables = Tables::map(std::move(loaded->maps));
    if (!tables) return fail(tables.error());
    if (auto done = start_sweeper(loaded->programs); !done) return fail(done.error());
    return Installation{std::move(*tables), std::move(loaded->programs), true, std::move(*former)};
}

}  // namespace

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
    const auto marker = pins.get(commit_marker);
    if (!marker) return fail(marker.error());
    return *marker ? adopt(pins, *marker) : create(pins, sizes);
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
