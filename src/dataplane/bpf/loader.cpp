#include "dataplane/bpf/loader.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <memory>

#include "dataplane/bpf/libbpf_messages.h"
#include "director_tc.skel.h"
#include "director_xdp.skel.h"

namespace shoal::dataplane {

namespace {

/// Enough for the last instructions and the verifier's verdict.
constexpr std::size_t log_length = 2000;

struct Destroy {
    void operator()(director_tc* skeleton) const { director_tc::destroy(skeleton); }
    void operator()(director_xdp* skeleton) const { director_xdp::destroy(skeleton); }
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

void set_size(bpf_map* map, TableSizes sizes) {
    const std::string_view name = bpf_map__name(map);
    if (name == "connections" || name == "free_cells") {
        bpf_map__set_max_entries(map, sizes.cells);
    } else if (name == "flow_index") {
        bpf_map__set_max_entries(map, sizes.buckets());
    } else if (name == "overflow") {
        bpf_map__set_max_entries(map, sizes.overflow());
    }
}

Result<Descriptor> duplicate(int fd) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return fail(system_error("duplicating a descriptor", errno));
    return Descriptor(copy);
}

Result<void> use_maps(bpf_object* object, const Objects& maps) {
    Result<void> result;
    for_each_map(object, [&](bpf_map* map) {
        const auto found = maps.find(bpf_map__name(map));
        const int error =
            found == maps.end() ? -ENOENT : bpf_map__reuse_fd(map, found->second.get());
        if (error != 0) {
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

}  // namespace

Result<std::vector<std::string>> map_names() {
    auto skeleton = open_skeleton<director_tc>();
    if (!skeleton) return fail(skeleton.error());
    std::vector<std::string> names;
    for_each_map((*skeleton)->obj, [&](bpf_map* map) { names.emplace_back(bpf_map__name(map)); });
    return names;
}

Result<std::vector<std::string>> program_names() {
    auto tc = open_skeleton<director_tc>();
    if (!tc) return fail(tc.error());
    auto xdp = open_skeleton<director_xdp>();
    if (!xdp) return fail(xdp.error());
    std::vector<std::string> names;
    for (bpf_object* object : {(*tc)->obj, (*xdp)->obj}) {
        bpf_program* program = nullptr;
        while ((program = bpf_object__next_program(object, program)) != nullptr)
            names.emplace_back(bpf_program__name(program));
    }
    return names;
}

Result<void> check_layouts(const Objects& maps, TableSizes sizes) {
    auto skeleton = open_skeleton<director_tc>();
    if (!skeleton) return fail(skeleton.error());
    Result<void> result;
    for_each_map((*skeleton)->obj, [&](bpf_map* map) {
        set_size(map, sizes);
        bpf_map_info info{};
        __u32 length = sizeof info;
        const auto found = maps.find(bpf_map__name(map));
        if (found == maps.end() ||
            bpf_obj_get_info_by_fd(found->second.get(), &info, &length) != 0 ||
            info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
            info.value_size != bpf_map__value_size(map) ||
            info.max_entries != bpf_map__max_entries(map)) {
            result = fail(fmt::format("map {} is missing or of another shape", bpf_map__name(map)));
        }
    });
    return result;
}

Result<LoadedObjects> load_objects(Objects maps, TableSizes sizes) {
    auto tc = open_skeleton<director_tc>();
    if (!tc) return fail(tc.error());
    auto xdp = open_skeleton<director_xdp>();
    if (!xdp) return fail(xdp.error());
    LoadedObjects loaded{std::move(maps), {}};
    if (loaded.maps.empty()) {
        for_each_map((*tc)->obj, [&](bpf_map* map) { set_size(map, sizes); });
    } else if (auto used = use_maps((*tc)->obj, loaded.maps); !used) {
        return fail(used.error());
    }
    if (auto done = load(**tc, sizes); !done) return fail(done.error());
    if (loaded.maps.empty()) {
        if (auto done = take_maps((*tc)->obj, loaded.maps); !done) return fail(done.error());
    }
    if (auto done = use_maps((*xdp)->obj, loaded.maps); !done) return fail(done.error());
    if (auto done = load(**xdp, sizes); !done) return fail(done.error());
    if (auto done = take_programs((*tc)->obj, loaded.programs); !done) return fail(done.error());
    if (auto done = take_programs((*xdp)->obj, loaded.programs); !done) return fail(done.error());
    return loaded;
}

}  // namespace shoal::dataplane
