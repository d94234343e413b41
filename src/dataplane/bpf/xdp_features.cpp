#include "dataplane/bpf/xdp_features.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

namespace shoal::dataplane {

namespace {

// linux/netdev.h of Linux 6.3, which Debian 12's headers do not have yet.
constexpr const char* family_name = "netdev";
constexpr std::uint8_t get_device = 1;
constexpr std::uint16_t attribute_interface = 1;
constexpr std::uint16_t attribute_xdp_features = 3;
constexpr std::uint64_t feature_transmit = 4;
constexpr std::uint64_t feature_transmit_fragments = 64;

using Buffer = std::array<char, 8192>;

struct CloseSocket {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Socket = std::unique_ptr<mnl_socket, CloseSocket>;

nlmsghdr* begin_request(Buffer& buffer, std::uint16_t family, std::uint8_t command) {
    nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
    request->nlmsg_type = family;
    request->nlmsg_flags = NLM_F_REQUEST;
    auto* head = static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(request, sizeof(genlmsghdr)));
    head->cmd = command;
    head->version = 1;
    return request;
}

struct Wanted {
    std::uint16_t type;
    std::size_t size;
    std::optional<std::uint64_t> value;
};

int look_for(const nlattr* attribute, void* data) {
    auto& wanted = *static_cast<Wanted*>(data);
    if (mnl_attr_get_type(attribute) != wanted.type) return MNL_CB_OK;
    if (mnl_attr_get_payload_len(attribute) < wanted.size) return MNL_CB_OK;
    wanted.value = wanted.size == sizeof(std::uint16_t) ? mnl_attr_get_u16(attribute)
                                                        : mnl_attr_get_u64(attribute);
    return MNL_CB_OK;
}

int read_answer(const nlmsghdr* message, void* data) {
    return mnl_attr_parse(message, sizeof(genlmsghdr), look_for, data);
}

/// One number out of the one message that answers; nothing where the kernel answers otherwise.
std::optional<std::uint64_t> ask(mnl_socket* socket, Buffer& buffer, const nlmsghdr* request,
                                 Wanted wanted) {
    if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0) return {};
    const ssize_t length = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
    if (length <= 0) return {};
    mnl_cb_run(buffer.data(), static_cast<std::size_t>(length), 0, 0, read_answer, &wanted);
    return wanted.value;
}

std::optional<std::uint64_t> family_number(mnl_socket* socket, Buffer& buffer) {
    nlmsghdr* request = begin_request(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
    mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, family_name);
    return ask(socket, buffer, request, {CTRL_ATTR_FAMILY_ID, sizeof(std::uint16_t), {}});
}

}  // namespace

XdpFeatures xdp_features(int device_index) {
    const Socket socket(mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC));
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) return {};
    Buffer buffer{};
    const auto family = family_number(socket.get(), buffer);
    if (!family) return {};
    nlmsghdr* request = begin_request(buffer, static_cast<std::uint16_t>(*family), get_device);
    mnl_attr_put_u32(request, attribute_interface, static_cast<std::uint32_t>(device_index));
    const auto bits =
        ask(socket.get(), buffer, request, {attribute_xdp_features, sizeof(std::uint64_t), {}});
    if (!bits) return {};
    return {.known = true,
            .takes_frames = (*bits & feature_transmit) != 0,
            .takes_fragments = (*bits & feature_transmit_fragments) != 0};
}

}  // namespace shoal::dataplane
