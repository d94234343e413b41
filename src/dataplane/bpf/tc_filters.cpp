#include "dataplane/bpf/tc_filters.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <string_view>

#include "dataplane/bpf/libbpf_messages.h"
#include "dataplane/bpf/libbpf_options.h"

namespace shoal::dataplane {

namespace {

/// "SH": behind filters that an administrator numbers by hand, before those the kernel numbers.
constexpr std::uint32_t our_priority = 0x5348;
constexpr std::uint32_t priority_behind = our_priority + 1;
constexpr std::uint32_t our_handle = 0x53480000;
constexpr std::uint32_t made_qdisc_bit = 0x10;
constexpr std::uint32_t choice_mask = 0x0f;
constexpr std::string_view program_name = "shoal_tc";
constexpr std::string_view check_program_name = "shoal_check";

std::uint32_t to_handle(const TcFilter& filter) {
    const auto choice = static_cast<std::uint32_t>(filter.wanted) + 1;
    return our_handle | (filter.made_qdisc ? made_qdisc_bit : 0) | choice;
}

std::optional<TcFilter> from_handle(std::uint32_t handle) {
    const std::uint32_t choice = handle & choice_mask;
    const std::uint32_t rest = handle & ~(choice_mask | made_qdisc_bit);
    if (rest != our_handle || choice < 1 || choice > 3) return std::nullopt;
    return TcFilter{static_cast<model::HookChoice>(choice - 1), (handle & made_qdisc_bit) != 0, 0,
                    Place::front};
}

std::uint32_t priority_of(Place place) {
    return place == Place::front ? our_priority : priority_behind;
}

/// No filter, but what holds those of one priority.
bool is_classifier(const TcEntry& entry) {
    return entry.handle == 0;
}

struct Ingress : LibbpfOptions<bpf_tc_hook> {
    explicit Ingress(const Device& device) {
        ifindex = device.index;
        attach_point = BPF_TC_INGRESS;
    }
};

struct FilterOptions : LibbpfOptions<bpf_tc_opts> {
    explicit FilterOptions(const TcFilter& filter) {
        handle = to_handle(filter);
        priority = priority_of(filter.place);
    }
};

// ---- Listing, which libbpf cannot do

struct CloseSocket {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};

/// The program's name in the attributes of a cls_bpf filter is "shoal_tc:[42]".
int read_program(const nlattr* attribute, void* data) {
    auto& entry = *static_cast<TcEntry*>(data);
    const auto type = mnl_attr_get_type(attribute);
    if (type == TCA_BPF_NAME) {
        entry.name = mnl_attr_get_str(attribute);
    } else if (type == TCA_BPF_ID) {
        entry.program = mnl_attr_get_u32(attribute);
    }
    return MNL_CB_OK;
}

int look_into_options(const nlattr* attribute, void* data) {
    if (mnl_attr_get_type(attribute) != TCA_OPTIONS) return MNL_CB_OK;
    return mnl_attr_parse_nested(attribute, read_program, data);
}

int collect_entry(const nlmsghdr* message, void* data) {
    auto& entries = *static_cast<std::vector<TcEntry>*>(data);
    const auto* head = static_cast<const tcmsg*>(mnl_nlmsg_get_payload(message));
    auto& entry = entries.emplace_back();
    entry.priority = head->tcm_info >> 16;
    entry.handle = head->tcm_handle;
    mnl_attr_parse(message, sizeof *head, look_into_options, &entry);
    return MNL_CB_OK;
}

void classify(const TcEntry& entry, TcFilters& filters) {
    auto filter = from_handle(entry.handle);
    const bool our_place = entry.priority == our_priority || entry.priority == priority_behind;
    if (our_place && entry.name.starts_with(program_name) && filter) {
        filter->program = entry.program;
        filter->place = entry.priority == our_priority ? Place::front : Place::behind;
        filters.ours.push_back(*filter);
    } else if (!is_of_checks(entry) && !(our_place && is_classifier(entry))) {
        filters.others = true;
    }
}

// ---- Attaching

/// True where the qdisc was not there.
Result<bool> make_qdisc(const Device& device) {
    const LibbpfMessages messages;
    Ingress hook(device);
    const int error = bpf_tc_hook_create(&hook);
    if (error == 0) return true;
    if (error == -EEXIST) return false;
    return fail(system_error("adding a clsact qdisc to " + device.name, error));
}

Result<void> remove_qdisc(const Device& device) {
    const LibbpfMessages messages;
    Ingress hook(device);
    hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
    const int error = bpf_tc_hook_destroy(&hook);
    if (error == 0 || error == -ENOENT || error == -EINVAL) return {};
    return fail(system_error("removing the clsact qdisc of " + device.name, error));
}

Result<void> remove_filter(const Device& device, const TcFilter& filter) {
    const LibbpfMessages messages;
    const Ingress hook(device);
    const FilterOptions options(filter);
    const int error = bpf_tc_detach(&hook, &options);
    if (error == 0 || error == -ENOENT) return {};
    return fail(system_error("detaching tc from " + device.name, error));
}

}  // namespace

Result<std::vector<TcEntry>> list_tc_entries(const Device& device, TcSide side) {
    const std::unique_ptr<mnl_socket, CloseSocket> socket(mnl_socket_open(NETLINK_ROUTE));
    if (!socket) return fail(system_error("opening netlink", errno));
    std::array<char, 32768> buffer{};
    nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
    request->nlmsg_type = RTM_GETTFILTER;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    auto* head = static_cast<tcmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(tcmsg)));
    head->tcm_ifindex = device.index;
    head->tcm_parent =
        TC_H_MAKE(TC_H_CLSACT, side == TcSide::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
    if (mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0) {
        return fail(system_error("listing tc filters of " + device.name, errno));
    }
    std::vector<TcEntry> entries;
    int more = MNL_CB_OK;
    while (more > MNL_CB_STOP) {
        const ssize_t length = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
        more = length < 0 ? MNL_CB_ERROR
                          : mnl_cb_run(buffer.data(), static_cast<std::size_t>(length), 0, 0,
                                       collect_entry, &entries);
    }
    if (more == MNL_CB_ERROR) {
        return fail(system_error("listing tc filters of " + device.name, errno));
    }
    return entries;
}

bool is_of_checks(const TcEntry& entry) {
    return entry.priority == check_priority &&
           (is_classifier(entry) || entry.name.starts_with(check_program_name));
}

Result<TcFilters> list_tc_filters(const Device& device) {
    TcFilters filters;
    for (const TcSide side : {TcSide::ingress, TcSide::egress}) {
        const auto entries = list_tc_entries(device, side);
        if (!entries) return fail(entries.error());
        for (const TcEntry& entry : *entries)
            classify(entry, filters);
    }
    return filters;
}

Result<void> attach_tc(const Device& device, int program, model::HookChoice wanted, Place place) {
    const auto before = list_tc_filters(device);
    if (!before) return fail(before.error());
    const auto made = make_qdisc(device);
    if (!made) return fail(made.error());
    const bool made_before = std::ranges::any_of(before->ours, &TcFilter::made_qdisc);
    const TcFilter filter{wanted, *made || made_before, 0, place};
    const LibbpfMessages messages;
    const Ingress hook(device);
    FilterOptions options(filter);
    options.prog_fd = program;
    options.flags = BPF_TC_F_REPLACE;
    if (const int error = bpf_tc_attach(&hook, &options); error != 0) {
        return fail(system_error(
            fmt::format("attaching tc to {} ({})", device.name, messages.kernel_reason()), error));
    }
    for (const TcFilter& former : before->ours) {
        if (former.place != place || to_handle(former) == to_handle(filter)) continue;
        if (auto gone = remove_filter(device, former); !gone) return gone;
    }
    return {};
}

Result<void> detach_tc_behind(const Device& device) {
    const auto filters = list_tc_filters(device);
    if (!filters) return fail(filters.error());
    for (const TcFilter& filter : filters->ours) {
        if (filter.place != Place::behind) continue;
        if (auto gone = remove_filter(device, filter); !gone) return gone;
    }
    return {};
}

Result<void> detach_tc(const Device& device) {
    const auto filters = list_tc_filters(device);
    if (!filters) return fail(filters.error());
    for (const TcFilter& filter : filters->ours) {
        if (auto gone = remove_filter(device, filter); !gone) return gone;
    }
    const bool made = std::ranges::any_of(filters->ours, &TcFilter::made_qdisc);
    return made && !filters->others ? remove_qdisc(device) : Result<void>();
}

}  // namespace shoal::dataplane
