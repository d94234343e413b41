#include "dataplane/bpf/check_programs.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>

#include "check_way.skel.h"
#include "check_way6.skel.h"
#include "dataplane/bpf/libbpf_messages.h"

namespace shoal::dataplane {

namespace {

/// Enough for the last instructions and the verifier's verdict.
constexpr std::size_t log_length = 2000;

struct Destroy {
    void operator()(check_way* skeleton) const { check_way::destroy(skeleton); }
    void operator()(check_way6* skeleton) const { check_way6::destroy(skeleton); }
};

/// bpf/ declares its maps in one place; these programs use two, and the constants.
void leave_out_other_maps(bpf_object* object, const bpf_map* checks, const bpf_map* flows) {
    bpf_map* map = nullptr;
    while ((map = bpf_object__next_map(object, map)) != nullptr) {
        if (map != checks && map != flows && !bpf_map__is_internal(map))
            bpf_map__set_autocreate(map, false);
    }
}

Result<void> share(bpf_map* map, const Descriptor& other) {
    const int error = bpf_map__reuse_fd(map, other.get());
    if (error == 0) return {};
    return fail(system_error(fmt::format("using map {}", bpf_map__name(map)), error));
}

template <class Skeleton>
Result<CheckPrograms> load(const CheckPrograms* sharing) {
    const LibbpfMessages messages;
    const std::unique_ptr<Skeleton, Destroy> skeleton(Skeleton::open());
    if (!skeleton) return fail(system_error("opening the programs of checks", errno));
    const auto& maps = skeleton->maps;
    leave_out_other_maps(skeleton->obj, maps.checks, maps.check_flows);
    if (sharing != nullptr) {
        if (auto done = share(maps.checks, sharing->checks); !done) return fail(done.error());
        if (auto done = share(maps.check_flows, sharing->flows); !done) return fail(done.error());
    }
    if (const int error = bpf_object__load_skeleton(skeleton->skeleton); error != 0) {
        return fail(system_error("the kernel refused the programs of checks", error).message +
                    "\n" + messages.tail(log_length));
    }
    CheckPrograms programs;
    for (const auto& [copy, fd] :
         {std::pair{&programs.out, bpf_program__fd(skeleton->progs.shoal_check_out)},
          {&programs.in, bpf_program__fd(skeleton->progs.shoal_check_in)},
          {&programs.checks, bpf_map__fd(maps.checks)},
          {&programs.flows, bpf_map__fd(maps.check_flows)}}) {
        auto made = duplicate(fd);
        if (!made) return fail(made.error());
        *copy = std::move(*made);
    }
    return programs;
}

}  // namespace

Result<CheckPrograms> load_check_programs(std::uint32_t family, const CheckPrograms* sharing) {
    return family == 6 ? load<check_way6>(sharing) : load<check_way>(sharing);
}

}  // namespace shoal::dataplane
