#include "dataplane/bpf/conversions.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

namespace shoal::dataplane {

namespace {

using Timeouts = model::ConnectionTimeouts;

constexpr std::array<std::pair<shoal_state, model::milliseconds Timeouts::*>, SHOAL_STATES>
    timeout_fields{{
        {SHOAL_STATE_NONE, &Timeouts::none},
        {SHOAL_STATE_ESTABLISHED, &Timeouts::established},
        {SHOAL_STATE_SYN_SENT, &Timeouts::syn_sent},
        {SHOAL_STATE_SYN_RECV, &Timeouts::syn_recv},
        {SHOAL_STATE_FIN_WAIT, &Timeouts::fin_wait},
        {SHOAL_STATE_TIME_WAIT, &Timeouts::time_wait},
        {SHOAL_STATE_CLOSE, &Timeouts::close},
        {SHOAL_STATE_CLOSE_WAIT, &Timeouts::close_wait},
        {SHOAL_STATE_LAST_ACK, &Timeouts::last_ack},
        {SHOAL_STATE_LISTEN, &Timeouts::listen},
        {SHOAL_STATE_SYNACK, &Timeouts::synack},
        {SHOAL_STATE_UDP, &Timeouts::udp},
    }};

constexpr std::array<std::string_view, SHOAL_STATES> state_names{
    "NONE",  "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "SYNACK",   "UDP"};

using enum model::Scheduler;
/// In the order of enum shoal_scheduler.
constexpr std::array schedulers{rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos};
static_assert(schedulers[SHOAL_SCHEDULER_WLC] == wlc && schedulers[SHOAL_SCHEDULER_TWOS] == twos);

}  // namespace

void put_address(__be32 (&field)[4], const net::Address& address) {
    static_assert(sizeof field == sizeof address.bytes());
    std::memcpy(&field[0], address.bytes().data(), sizeof field);
}

net::Address address_of(const __be32 (&field)[4], __u32 family) {
    if (family != 6) return net::Address::v4(field[0]);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &field[0], bytes.size());
    return net::Address::v6(bytes);
}

__u32 fold_address(const __be32 (&field)[4]) {
    return field[0] ^ field[1] ^ field[2] ^ field[3];
}

__u32 fold_address(const net::Address& address) {
    __be32 field[4];
    put_address(field, address);
    return fold_address(field);
}

shoal_service_key to_key(const ServiceKey& key) {
    shoal_service_key raw{};
    if (key.mark != 0) {
        raw.family = key.address.is_v6() ? 6 : 4;
        raw.mark = key.mark;
        return raw;
    }
    put_address(raw.address, key.address);
    raw.port = htons(key.port.first);
    raw.protocol = key.protocol == model::Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP;
    raw.family = key.address.is_v6() ? 6 : 4;
    return raw;
}

ServerKey server_key(const shoal_server& record) {
    return {address_of(record.address, record.family), ntohs(record.port)};
}

__u32 to_abi(model::Scheduler scheduler) {
    const auto found = std::ranges::find(schedulers, scheduler);
    return static_cast<__u32>(found - schedulers.begin());
}

model::Scheduler scheduler_from(__u32 value) {
    return value < schedulers.size() ? schedulers[value] : model::Scheduler::wlc;
}

__u8 to_abi(model::ForwardingMethod method) {
    switch (method) {
        case model::ForwardingMethod::direct:
            return SHOAL_METHOD_DIRECT;
        case model::ForwardingMethod::tunnel:
            return SHOAL_METHOD_TUNNEL;
        case model::ForwardingMethod::nat:
            break;
    }
    return SHOAL_METHOD_NAT;
}

model::ForwardingMethod method_from(__u8 value) {
    switch (value) {
        case SHOAL_METHOD_DIRECT:
            return model::ForwardingMethod::direct;
        case SHOAL_METHOD_TUNNEL:
            return model::ForwardingMethod::tunnel;
        default:
            return model::ForwardingMethod::nat;
    }
}

__u8 to_abi(model::TunnelType type) {
    switch (type) {
        case model::TunnelType::gue:
            return SHOAL_TUNNEL_GUE;
        case model::TunnelType::gre:
            return SHOAL_TUNNEL_GRE;
        case model::TunnelType::ipip:
            break;
    }
    return SHOAL_TUNNEL_IPIP;
}

model::TunnelType tunnel_from(__u8 value) {
    switch (value) {
        case SHOAL_TUNNEL_GUE:
            return model::TunnelType::gue;
        case SHOAL_TUNNEL_GRE:
            return model::TunnelType::gre;
        default:
            return model::TunnelType::ipip;
    }
}

std::string_view state_name(__u8 state) {
    if (state == SHOAL_STATE_TEMPLATE) return "TEMPLATE";
    return state < SHOAL_STATES ? state_names[state] : std::string_view();
}

__u32 to_jiffies(model::milliseconds time, __u32 hz) {
    // Ages are compared as signed 32-bit differences.
    constexpr std::int64_t longest = std::numeric_limits<std::int32_t>::max() / 2;
    const std::int64_t ticks = (time.count() * hz + 999) / 1000;
    return static_cast<__u32>(std::clamp<std::int64_t>(ticks, 1, longest));
}

model::milliseconds to_milliseconds(__u32 jiffies, __u32 hz) {
    return model::milliseconds(std::int64_t{jiffies} * 1000 / hz);
}

void put_timeouts(shoal_settings& settings, const Timeouts& timeouts) {
    for (const auto& [state, field] : timeout_fields) {
        __atomic_store_n(&settings.timeout[state], to_jiffies(timeouts.*field, settings.hz),
                         __ATOMIC_RELAXED);
    }
}

Timeouts timeouts_from(const shoal_settings& settings) {
    Timeouts timeouts;
    for (const auto& [state, field] : timeout_fields) {
        timeouts.*field = to_milliseconds(settings.timeout[state], settings.hz);
    }
    return timeouts;
}

}  // namespace shoal::dataplane
