#include "dataplane/bpf/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>

#include "dataplane/bpf/libbpf_messages.h"
#include "director_tc.skel.h"
#include "director_tc6.skel.h"
#include "director_xdp.skel.h"
#include "director_xdp6.skel.h"

namespace shoal::dataplane {

namespace {

/// Enough for the last instructions and the verifier's verdict.
constexpr std::size_t log_length = 2000;

struct Destroy {
    void operator()(director_tc* skeleton) const { director_tc::destroy(skeleton); }
    void operator()(director_xdp* skeleton) const { director_xdp::destroy(skeleton); }
    void operator()(director_tc6* skeleton) const { director_tc6::destroy(skeleton); }
    void operator()(director_xdp6* skeleton) const { director_xdp6::destroy(skeleton); }
};
template <class Skeleton>
using Handle = std::unique_ptr<Skeleton, Destroy>;

template <class Skeleton>
Result<Handle<Skeleton>> open_skeleton() {
    const LibbpfMessages messages;
    Handle<Skeleton> skeleton(Skeleton::open());
    if (!skeleton) return fail(system_error("opening the packet path's program", errno));
    return skeleton;
}

/// The maps of bpf/maps.h, without those libbpf makes for constants.
template <class Visit>
void for_each_map(bpf_object* object, Visit visit) {
    bpf_map* map = nullptr;
    while ((map = bpf_object__next_map(object, map)) != nullptr) {
        if (!bpf_map__is_internal(map)) visit(map);
    }
}

/// As many entries as virtual servers, and as real servers.
constexpr std::array<std::string_view, 5> by_service{"services", "service_table", "pools",
                                                     "scheduler_state", "service_counters"};
constexpr std::array<std::string_view, 6> by_server{"server_table",     "server_loads",
                                                    "server_templates", "server_details",
                                                    "nat_origins",      "server_counters"};

bool is_one_of(std::string_view name, std::span<const std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
}

void set_size(bpf_map* map, TableSizes sizes) {
    const std::string_view name = bpf_map__name(map);
    if (name == "connections" || name == "free_cells") {
        bpf_map__set_max_entries(map, sizes.cells);
    } else if (name == "flow_index") {
        bpf_map__set_max_entries(map, sizes.buckets());
    } else if (name == "overflow") {
        bpf_map__set_max_entries(map, sizes.overflow());
    } else if (is_one_of(name, by_service)) {
        bpf_map__set_max_entries(map, sizes.services);
    } else if (name == "stateless_times") {
        bpf_map__set_max_entries(map, sizes.services + 1);
    } else if (is_one_of(name, by_server)) {
        bpf_map__set_max_entries(map, sizes.servers);
    }
}

/// Scratch room that only one object names is its own.
Result<void> use_maps(bpf_object* object, const Objects& maps) {
    Result<void> result;
    for_each_map(object, [&](bpf_map* map) {
        const auto found = maps.find(bpf_map__name(map));
        if (found == maps.end()) return;
        if (const int error = bpf_map__reuse_fd(map, found->second.get()); error != 0) {
            result = fail(system_error(fmt::format("using map {}", bpf_map__name(map)), error));
        }
    });
    return result;
}

Result<void> take_maps(bpf_object* object, Objects& maps) {
    Result<void> result;
    for_each_map(object, [&](bpf_map* map) {
        auto copy = duplicate(bpf_map__fd(map));
        if (copy) {
            maps[bpf_map__name(map)] = std::move(*copy);
        } else {
            result = fail(copy.error());
        }
    });
    return result;
}

Result<void> take_programs(bpf_object* object, Objects& programs) {
    bpf_program* program = nullptr;
    while ((program = bpf_object__next_program(object, program)) != nullptr) {
        auto copy = duplicate(bpf_program__fd(program));
        if (!copy) return fail(copy.error());
        programs[bpf_program__name(program)] = std::move(*copy);
    }
    return {};
}

Result<void> put_program(const Objects& maps, const char* array, const Objects& programs,
                         const char* program) {
    const std::uint32_t only = 0;
    const int fd = programs.at(program).get();
    if (bpf_map_update_elem(maps.at(array).get(), &only, &fd, BPF_ANY) == 0) return {};
    return fail(system_error(fmt::format("handing over to {}", program), errno));
}

template <class Skeleton>
Result<void> load(Skeleton& skeleton, TableSizes sizes) {
    skeleton.rodata->shoal_cell_mask = sizes.cells - 1;
    skeleton.rodata->shoal_bucket_mask = sizes.buckets() - 1;
    const LibbpfMessages messages;
    const int error = bpf_object__load_skeleton(skeleton.skeleton);
    if (error == 0) return {};
    return fail(system_error("the kernel refused the packet path", error).message + "\n" +
                messages.tail(log_length));
}

/// Loads an object onto maps that exist, and takes its programs.
template <class Skeleton>
Result<void> load_onto(const Objects& maps, TableSizes sizes, Objects& programs) {
    auto skeleton = open_skeleton<Skeleton>();
    if (!skeleton) return fail(skeleton.error());
    if (auto done = use_maps((*skeleton)->obj, maps); !done) return done;
    if (auto done = load(**skeleton, sizes); !done) return done;
    return take_programs((*skeleton)->obj, programs);
}

template <class Skeleton>
Result<void> add_program_names(std::vector<std::string>& names) {
    auto skeleton = open_skeleton<Skeleton>();
    if (!skeleton) return fail(skeleton.error());
    bpf_program* program = nullptr;
    while ((program = bpf_object__next_program((*skeleton)->obj, program)) != nullptr)
        names.emplace_back(bpf_program__name(program));
    return {};
}

bool has_shape(int fd, const bpf_map* map) {
    bpf_map_info info{};
    __u32 length = sizeof info;
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && info.type == bpf_map__type(map) &&
           info.key_size == bpf_map__key_size(map) && info.value_size == bpf_map__value_size(map) &&
           info.max_entries == bpf_map__max_entries(map);
}

/// Another version has more of them, or fewer; the rest stays as it is.
bool may_grow(std::string_view map) {
    return map == "verdicts";
}

}  // namespace

Result<std::vector<std::string>> map_names() {
    auto skeleton = open_skeleton<director_tc>();
    if (!skeleton) return fail(skeleton.error());
    std::vector<std::string> names;
    for_each_map((*skeleton)->obj, [&](bpf_map* map) { names.emplace_back(bpf_map__name(map)); });
    return names;
}

Result<std::vector<std::string>> program_names() {
    std::vector<std::string> names;
    for (const auto add : {add_program_names<director_tc>, add_program_names<director_xdp>,
                           add_program_names<director_tc6>, add_program_names<director_xdp6>}) {
        if (auto done = add(names); !done) return fail(done.error());
    }
    return names;
}

bool belongs_to_table(std::string_view map) {
    static constexpr std::array<std::string_view, 12> names{
        "settings", "flow_index", "connections", "overflow", "free_cells", "free_ring",
        "free_batch", "recent_flow", "sweeper", "sweep_timer",
        // Each table's programs hand over to those on the same table.
        "ipv6_tc", "ipv6_xdp"};
    return is_one_of(map, names);
}

bool belongs_to_version(std::string_view map) {
    static constexpr std::array<std::string_view, 16> names{
        "locality",         "signals",     "passing_flow",   "passing_addresses",
        "fragments",        "fragments6",  "recent_service", "arrivals",
        "template_opening", "quoted_flow", "icmp_scratch",   "traced_flow",
        "trace_filter",     "trace_state", "trace_events",   "explanation"};
    return is_one_of(map, names);
}

Result<Objects> make_table(const Objects& present, Origin origin, TableSizes sizes) {
    auto skeleton = open_skeleton<director_tc>();
    if (!skeleton) return fail(skeleton.error());
    bpf_object* object = (*skeleton)->obj;
    bpf_program* program = nullptr;
    while ((program = bpf_object__next_program(object, program)) != nullptr)
        bpf_program__set_autoload(program, false);
    Result<void> used;
    for_each_map(object, [&](bpf_map* map) {
        set_size(map, sizes);
        const std::string name = bpf_map__name(map);
        const auto found = present.find(name);
        if (belongs_to_table(name) || found == present.end() || !used) return;
        if (origin == Origin::other_version && belongs_to_version(name)) return;
        if (has_shape(found->second.get(), map)) {
            const int error = bpf_map__reuse_fd(map, found->second.get());
            if (error != 0) used = fail(system_error(fmt::format("using map {}", name), error));
        } else if (!may_grow(name)) {
            used = fail(fmt::format("map {} is of another shape", name));
        }
    });
    if (!used) return fail(used.error());
    if (auto done = load(**skeleton, sizes); !done) return fail(done.error());
    Objects maps;
    if (auto done = take_maps(object, maps); !done) return fail(done.error());
    return maps;
}

Result<void> check_layouts(const Objects& maps, TableSizes sizes) {
    auto skeleton = open_skeleton<director_tc>();
    if (!skeleton) return fail(skeleton.error());
    Result<void> result;
    for_each_map((*skeleton)->obj, [&](bpf_map* map) {
        set_size(map, sizes);
        const auto found = maps.find(bpf_map__name(map));
        if (found == maps.end() || !has_shape(found->second.get(), map)) {
            result = fail(fmt::format("map {} is missing or of another shape", bpf_map__name(map)));
        }
    });
    return result;
}

Result<LoadedObjects> load_objects(Objects maps, TableSizes sizes) {
    LoadedObjects loaded{std::move(maps), {}};
    if (loaded.maps.empty()) {
        auto tc = open_skeleton<director_tc>();
        if (!tc) return fail(tc.error());
        for_each_map((*tc)->obj, [&](bpf_map* map) { set_size(map, sizes); });
        if (auto done = load(**tc, sizes); !done) return fail(done.error());
        if (auto done = take_maps((*tc)->obj, loaded.maps); !done) return fail(done.error());
        if (auto done = take_programs((*tc)->obj, loaded.programs); !done) {
            return fail(done.error());
        }
    } else if (auto done = load_onto<director_tc>(loaded.maps, sizes, loaded.programs); !done) {
        return fail(done.error());
    }
    if (auto done = load_onto<director_xdp>(loaded.maps, sizes, loaded.programs); !done) {
        return fail(done.error());
    }
    return loaded;
}

Result<Objects> load_ipv6(const Objects& maps, TableSizes sizes) {
    Objects programs;
    for (const auto load_one : {load_onto<director_tc6>, load_onto<director_xdp6>}) {
        if (auto done = load_one(maps, sizes, programs); !done) return fail(done.error());
    }
    for (const auto& [array, program] :
         {std::pair{"ipv6_tc", ipv6_program}, {"ipv6_xdp", "shoal_ipv6_xdp"}}) {
        if (auto done = put_program(maps, array, programs, program); !done) {
            return fail(done.error());
        }
    }
    return programs;
}

}  // namespace shoal::dataplane
