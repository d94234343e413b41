#include "dataplane/bpf/xdp_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <cerrno>
#include <string_view>

#include "dataplane/bpf/libbpf_messages.h"
#include "dataplane/bpf/libbpf_options.h"

namespace shoal::dataplane {

namespace {

constexpr std::string_view program_name = "shoal_xdp";

bool has_our_name(int fd) {
    bpf_prog_info info{};
    __u32 length = sizeof info;
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && program_name == &info.name[0];
}

}  // namespace

std::uint32_t program_id(int fd) {
    bpf_prog_info info{};
    __u32 length = sizeof info;
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 ? info.id : 0;
}

XdpPrograms::XdpPrograms(int current, std::vector<Descriptor> former)
    : current_(current), former_(std::move(former)) {
    for (const Descriptor& program : former_)
        ours_[program_id(program.get())] = program.get();
    ours_[program_id(current)] = current;
}

void XdpPrograms::forget_former() {
    former_.clear();
    ours_ = {{program_id(current_), current_}};
}

Result<XdpPrograms::Found> XdpPrograms::find(const Device& device) const {
    const LibbpfMessages messages;
    std::uint32_t id = 0;
    if (const int error = bpf_xdp_query_id(device.index, XDP_FLAGS_DRV_MODE, &id); error != 0) {
        return fail(system_error("asking for the XDP program of " + device.name, error));
    }
    Found found;
    if (id == 0) return found;
    if (const auto known = ours_.find(id); known != ours_.end()) {
        found.fd = known->second;
        return found;
    }
    found.left_behind = Descriptor(bpf_prog_get_fd_by_id(id));
    found.untold = !found.left_behind && errno == EPERM;
    if (found.left_behind && has_our_name(found.left_behind.get())) {
        found.fd = found.left_behind.get();
    }
    return found;
}

Result<bool> XdpPrograms::attached(const Device& device) const {
    return find(device).transform(
        [](const Found& found) { return found.fd >= 0 && !found.left_behind; });
}

Result<bool> XdpPrograms::attached_or_left(const Device& device) const {
    return find(device).transform([](const Found& found) { return found.fd >= 0; });
}

Result<bool> XdpPrograms::untold(const Device& device) const {
    return find(device).transform([](const Found& found) { return found.untold; });
}

Result<void> XdpPrograms::attach(const Device& device) const {
    const auto former = find(device);
    if (!former) return fail(former.error());
    const LibbpfMessages messages;
    LibbpfOptions<bpf_xdp_attach_opts> options;
    if (former->fd >= 0) options.old_prog_fd = former->fd;
    const __u32 only_if_none = former->fd < 0 ? XDP_FLAGS_UPDATE_IF_NOEXIST : 0;
    const int error =
        bpf_xdp_attach(device.index, current_, XDP_FLAGS_DRV_MODE | only_if_none, &options);
    if (error == 0) return {};
    if (error == -EBUSY || error == -EEXIST) {
        return fail(former->untold ? untold_program : "another XDP program is attached");
    }
    const std::string reason = messages.kernel_reason();
    return reason.empty() ? fail(std::generic_category().message(-error)) : fail(reason);
}

Result<void> XdpPrograms::detach(const Device& device) const {
    const auto ours = find(device);
    if (!ours) return fail(ours.error());
    if (ours->fd < 0) return {};
    const LibbpfMessages messages;
    LibbpfOptions<bpf_xdp_attach_opts> options;
    options.old_prog_fd = ours->fd;
    const int error = bpf_xdp_detach(device.index, XDP_FLAGS_DRV_MODE, &options);
    if (error == 0) return {};
    return fail(system_error("detaching XDP from " + device.name, error));
}

}  // namespace shoal::dataplane
