#include "dataplane/bpf/mover.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string_view>

#include "dataplane/bpf/libbpf_messages.h"
#include "dataplane/bpf/libbpf_options.h"
#include "dataplane/bpf/record_layout.h"
#include "director_move.skel.h"
#include "director_move6.skel.h"

namespace shoal::dataplane {

namespace {

/// Checks, commands and the API wait that long at most; a whole slice is some milliseconds.
constexpr std::chrono::milliseconds turn{10};
constexpr std::uint32_t cells_of_slice = 4096;

struct Destroy {
    void operator()(director_move* skeleton) const { director_move::destroy(skeleton); }
    void operator()(director_move6* skeleton) const { director_move6::destroy(skeleton); }
};

/// The two maps that no table has are the program's own.
Result<void> use_tables(bpf_object* object, const Tables& to, const FormerTable& from) {
    bpf_map* map = nullptr;
    while ((map = bpf_object__next_map(object, map)) != nullptr) {
        if (bpf_map__is_internal(map)) continue;
        const std::string_view name = bpf_map__name(map);
        const auto found = to.maps.find(std::string(name));
        const int fd = name == "former_connections" ? from.maps.at("connections").get()
                       : found != to.maps.end()     ? found->second.get()
                                                    : -1;
        if (fd < 0) continue;
        if (const int error = bpf_map__reuse_fd(map, fd); error != 0) {
            return fail(system_error(fmt::format("using map {}", name), error));
        }
    }
    return {};
}

}  // namespace

template <class Skeleton>
Result<Mover::Family> Mover::load_family(const Tables& to, const FormerTable& from,
                                         const bpf_object_open_opts& options, const char* name) {
    const LibbpfMessages messages;
    const std::unique_ptr<Skeleton, Destroy> skeleton(Skeleton::open(&options));
    if (!skeleton) return fail(system_error("opening the program that moves connections", errno));
    if (auto done = use_tables(skeleton->obj, to, from); !done) return fail(done.error());
    skeleton->rodata->shoal_cell_mask = to.sizes().cells - 1;
    skeleton->rodata->shoal_bucket_mask = to.sizes().buckets() - 1;
    skeleton->rodata->shoal_former_mask = from.sizes.cells - 1;
    if (const int error = bpf_object__load_skeleton(skeleton->skeleton); error != 0) {
        return fail(
            system_error("the kernel refused the program that moves connections", error).message +
            "\n" + messages.tail(2000));
    }
    auto program =
        duplicate(bpf_program__fd(bpf_object__find_program_by_name(skeleton->obj, name)));
    if (!program) return fail(program.error());
    auto request = MappedArray<shoal_move>::map(bpf_map__fd(skeleton->maps.move_request), 1);
    if (!request) return fail(request.error());
    return Family{std::move(*program), std::move(*request)};
}

Result<Mover> Mover::load(const Tables& to, const FormerTable& from) {
    // Where the members of its records lie.
    const auto types = is_of_this_version(from.maps.at("settings").get())
                           ? own_types()
                           : types_of_map(from.maps.at("connections").get());
    if (!types) return fail(types.error());
    const std::string path = fmt::format("/proc/self/fd/{}", types->get());
    LibbpfOptions<bpf_object_open_opts> options;
    options.btf_custom_path = path.c_str();
    auto v4 = load_family<director_move>(to, from, options, "move_connections");
    if (!v4) return fail(v4.error());
    auto v6 = load_family<director_move6>(to, from, options, "move_ipv6_connections");
    if (!v6) return fail(v6.error());
    return Mover({std::move(*v4), std::move(*v6)}, from.sizes.cells);
}

Result<Work> Mover::step() {
    const auto end = std::chrono::steady_clock::now() + turn;
    while (true) {
        const auto passed = move_slice();
        if (!passed) return fail(passed.error());
        if (*passed) return **passed;
        if (std::chrono::steady_clock::now() >= end) return Work::more;
    }
}

Result<void> Mover::move_slice_of(Family& family) {
    shoal_move& request = family.request[0];
    request.first = next_;
    request.calls = cells_of_slice / SHOAL_MOVE_CELLS_PER_CALL;
    request.templates = templates_ ? 1 : 0;
    const auto returned = run_program(family.program.get(), 0);
    if (!returned) return fail(returned.error().within("moving connections"));
    moved_ += load_shared(request.moved);
    waiting_ += load_shared(request.waiting);
    taken_ += load_shared(request.taken);
    return {};
}

Result<std::optional<Work>> Mover::move_slice() {
    for (Family& family : families_) {
        if (auto done = move_slice_of(family); !done) return fail(done.error());
    }
    next_ += cells_of_slice;
    if (next_ < cells_) return std::nullopt;
    return end_pass();
}

/// Templates that a packet opened behind the pass are found by another one.
Work Mover::end_pass() {
    const bool moved_none = moved_ == 0;
    const bool all_templates = templates_ && moved_none && waiting_ == 0;
    const bool empty = taken_ == 0;
    next_ = moved_ = waiting_ = taken_ = 0;
    if (empty) return Work::none;
    if (all_templates) {
        templates_ = false;
        return Work::more;
    }
    return moved_none ? Work::waiting : Work::more;
}

}  // namespace shoal::dataplane
