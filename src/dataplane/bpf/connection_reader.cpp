#include "dataplane/bpf/connection_reader.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <ctime>

#include "dataplane/bpf/conversions.h"
#include "dataplane/connection_filter.h"

namespace shoal::dataplane {

namespace {

bool is_live(__u32 word) {
    return (word & SHOAL_WORD_STATE_MASK) < SHOAL_STATES;
}

/// The kernel's jiffies now, from the sweeper's last tick and the clock.
__u32 jiffies_now(const Tables& tables) {
    const shoal_sweeper& sweeper = tables.sweeper[0];
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const __u64 now_ns =
        static_cast<__u64>(now.tv_sec) * 1'000'000'000 + static_cast<__u64>(now.tv_nsec);
    const __u64 since = now_ns - std::min(now_ns, load_shared(sweeper.last_tick_ns));
    const __u64 ticks = since / (1'000'000'000 / tables.settings[0].hz);
    return static_cast<__u32>(load_shared(sweeper.last_tick_jiffies) + ticks);
}

std::int64_t expires_in_ms(const Tables& tables, __u8 state, __u32 seen, __u32 now) {
    const shoal_settings& settings = tables.settings[0];
    const __u32 end = seen + load_shared(settings.timeout[state]);
    const auto left = static_cast<std::int32_t>(end - now);
    return std::max<std::int64_t>(left, 0) * 1000 / settings.hz;
}

model::Connection convert(const Tables& tables, const shoal_connection& cell, __u32 now) {
    const auto state = static_cast<__u8>(cell.word & SHOAL_WORD_STATE_MASK);
    model::Connection connection;
    connection.protocol =
        cell.protocol == IPPROTO_UDP ? model::Protocol::udp : model::Protocol::tcp;
    connection.client = net::Address::v4(cell.client_address);
    connection.client_port = ntohs(cell.client_port);
    connection.virtual_address = net::Address::v4(cell.virtual_address);
    connection.virtual_port = ntohs(cell.virtual_port);
    connection.real_address = net::Address::v4(cell.real_address);
    connection.real_port = ntohs(cell.real_port);
    connection.state = state_name(state);
    connection.active = (cell.word & SHOAL_WORD_INACTIVE) == 0;
    connection.expires_in_ms = expires_in_ms(tables, state, cell.seen, now);
    return connection;
}

std::string difference(const Tables& tables, std::uint32_t index, __u64 counted, __u64 found) {
    return fmt::format(
        "real server {} (entry {}): counted are {} active and {} inactive connections, the table "
        "holds {} and {}",
        server_key(tables.servers[index]).to_string(), index, counted >> 32,
        static_cast<__u32>(counted), found >> 32, static_cast<__u32>(found));
}

}  // namespace

ConnectionPage read_connections(const Tables& tables, const ConnectionFilter& filter,
                                std::uint32_t from, std::uint32_t scan) {
    const std::uint32_t cells = tables.connections.size();
    const std::uint32_t begin = std::min(from, cells);
    const std::uint32_t end = begin + std::min(scan, cells - begin);
    const __u32 now = jiffies_now(tables);
    ConnectionPage page;
    for (std::uint32_t index = begin; index < end; ++index) {
        const shoal_connection& shared = tables.connections[index];
        const __u32 word = load_shared(shared.word);
        if (!is_live(word)) continue;
        shoal_connection cell = shared;
        // Freed, and perhaps taken again, while it was copied.
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (load_shared(shared.word) >> SHOAL_WORD_GENERATION_SHIFT !=
            word >> SHOAL_WORD_GENERATION_SHIFT) {
            continue;
        }
        cell.word = word;
        auto connection = convert(tables, cell, now);
        if (matches(filter, connection)) page.connections.push_back(std::move(connection));
    }
    if (end < cells) page.next = end;
    return page;
}

std::vector<std::string> compare_loads(const Tables& tables) {
    std::vector<__u64> found(SHOAL_MAX_SERVERS, 0);
    std::vector<std::string> differences;
    for (std::uint32_t index = 0; index < tables.connections.size(); ++index) {
        const shoal_connection& cell = tables.connections[index];
        const __u32 word = load_shared(cell.word);
        if (!is_live(word)) continue;
        if (cell.server >= SHOAL_MAX_SERVERS) {
            differences.push_back(fmt::format("cell {} names real server {}", index, cell.server));
            continue;
        }
        found[cell.server] +=
            (word & SHOAL_WORD_INACTIVE) != 0 ? SHOAL_LOAD_INACTIVE_ONE : SHOAL_LOAD_ACTIVE_ONE;
    }
    for (std::uint32_t index = 0; index < SHOAL_MAX_SERVERS; ++index) {
        const __u64 counted = load_shared(tables.loads[index]);
        if (counted == found[index]) continue;
        differences.push_back(difference(tables, index, counted, found[index]));
    }
    return differences;
}

}  // namespace shoal::dataplane
