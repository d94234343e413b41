#include "dataplane/bpf/check_filters.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/bpf/libbpf_messages.h"
#include "dataplane/bpf/libbpf_options.h"
#include "dataplane/bpf/tc_filters.h"
#include "dataplane/bpf/xdp_programs.h"

namespace shoal::dataplane {

namespace {

using Side = CheckFilter::Side;

struct Place : LibbpfOptions<bpf_tc_hook> {
    Place(const Device& device, Side side) {
        ifindex = device.index;
        attach_point = side == Side::ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS;
    }
};

struct Options : LibbpfOptions<bpf_tc_opts> {
    explicit Options(std::uint32_t family) {
        handle = family;
        priority = check_priority;
    }
};

bool is_same(const TcEntry& entry, const CheckFilter& filter) {
    return entry.handle == filter.family && entry.program == program_id(filter.program);
}

Result<void> attach(const Device& device, const CheckFilter& filter) {
    const LibbpfMessages messages;
    const Place place(device, filter.side);
    Options options(filter.family);
    options.prog_fd = filter.program;
    options.flags = BPF_TC_F_REPLACE;
    const int error = bpf_tc_attach(&place, &options);
    if (error == 0) return {};
    return fail(system_error(
        fmt::format("attaching checks to {} ({})", device.name, messages.kernel_reason()), error));
}

Result<void> detach(const Device& device, Side side, std::uint32_t family) {
    const LibbpfMessages messages;
    const Place place(device, side);
    const Options options(family);
    const int error = bpf_tc_detach(&place, &options);
    if (error == 0 || error == -ENOENT) return {};
    return fail(system_error("detaching checks from " + device.name, error));
}

Result<void> set_side(const Device& device, Side side, const std::vector<CheckFilter>& wanted) {
    auto present =
        list_tc_entries(device, side == Side::ingress ? TcSide::ingress : TcSide::egress);
    if (!present) return fail(present.error());
    std::erase_if(*present,
                  [](const TcEntry& entry) { return !is_of_checks(entry) || entry.handle == 0; });
    for (const CheckFilter& filter : wanted) {
        if (filter.side != side) continue;
        const bool there = std::ranges::any_of(
            *present, [&](const TcEntry& entry) { return is_same(entry, filter); });
        if (there) continue;
        if (auto done = attach(device, filter); !done) return done;
    }
    for (const TcEntry& entry : *present) {
        const bool stays = std::ranges::any_of(wanted, [&](const CheckFilter& filter) {
            return filter.side == side && filter.family == entry.handle;
        });
        if (stays) continue;
        if (auto done = detach(device, side, entry.handle); !done) return done;
    }
    return {};
}

}  // namespace

Result<void> set_check_filters(const Device& device, const std::vector<CheckFilter>& wanted) {
    // Answers first: a check must not leave where its answer would not be known.
    for (const Side side : {Side::ingress, Side::egress}) {
        if (auto done = set_side(device, side, wanted); !done) return done;
    }
    return {};
}

}  // namespace shoal::dataplane
