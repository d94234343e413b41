#include "dataplane/bpf/connection_reader.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <optional>
#include <unordered_map>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/service_options.h"
#include "dataplane/connection_filter.h"

namespace shoal::dataplane {

namespace {

__u8 state_of(__u32 word) {
    return static_cast<__u8>(word & SHOAL_WORD_STATE_MASK);
}

bool is_counted(__u32 word) {
    return state_of(word) < SHOAL_STATES;
}

bool is_template(__u32 word) {
    return state_of(word) == SHOAL_STATE_TEMPLATE;
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

/// A connection as it was at one moment, with the cell of its addresses where it is of IPv6.
struct CellCopy {
    shoal_connection connection{};
    shoal_addresses addresses{};

    bool is_v6() const { return (connection.word & SHOAL_WORD_IPV6) != 0; }
    net::Address client() const {
        return is_v6() ? address_of(addresses.client_address, 6)
                       : net::Address::v4(connection.client_address);
    }
    net::Address virtual_address() const {
        return is_v6() ? address_of(addresses.virtual_address, 6)
                       : net::Address::v4(connection.virtual_address);
    }
    net::Address real_address() const {
        return is_v6() ? address_of(addresses.real_address, 6)
                       : net::Address::v4(connection.real_address);
    }
};

/// The cells' contents in words. A virtual server is looked up once, not for every connection.
class Converter {
  public:
    explicit Converter(const Tables& tables) : tables_(&tables), now_(jiffies_now(tables)) {}

    model::Connection operator()(const CellCopy& copy) const {
        const shoal_connection& cell = copy.connection;
        model::Connection connection;
        connection.mark = service_of(cell).key.mark;
        connection.client = copy.client();
        connection.client_port = ntohs(cell.client_port);
        connection.real_address = real_address(copy);
        connection.real_port = ntohs(cell.real_port);
        connection.state = state_name(state_of(cell.word));
        connection.active = is_counted(cell.word) && (cell.word & SHOAL_WORD_INACTIVE) == 0;
        connection.expires_in_ms = expires_in_ms(cell);
        if (is_template(cell.word)) {
            put_service(connection, key_of(service_of(cell)));
        } else {
            connection.protocol =
                cell.protocol == IPPROTO_UDP ? model::Protocol::udp : model::Protocol::tcp;
            connection.virtual_address = copy.virtual_address();
            connection.virtual_port = ntohs(cell.virtual_port);
        }
        return connection;
    }

  private:
    /// A template is of no address and port of its own.
    static void put_service(model::Connection& connection, const ServiceKey& service) {
        connection.protocol = service.protocol;
        connection.virtual_address = service.address;
        connection.virtual_port = service.port.is_single() ? service.port.first : 0;
    }

    /// Where a tunnel leads to the other family, only the real server's own record has it.
    net::Address real_address(const CellCopy& copy) const {
        const std::uint32_t index = copy.connection.server;
        if (index < tables_->servers.size()) {
            const shoal_server& server = tables_->servers[index];
            if (server.family != 0 && (server.family == 6) != copy.is_v6())
                return address_of(server.address, server.family);
        }
        return copy.real_address();
    }

    const shoal_service& service_of(const shoal_connection& cell) const {
        return tables_
            ->services[std::min<std::uint32_t>(cell.service, tables_->services.size() - 1)];
    }

    std::int64_t expires_in_ms(const shoal_connection& cell) const {
        const shoal_settings& settings = tables_->settings[0];
        const bool persistent = is_template(cell.word);
        const __u32 timeout = persistent ? load_shared(service_of(cell).persistence_timeout)
                                         : load_shared(settings.timeout[state_of(cell.word)]);
        // A template's time runs from the last opening under it, as in IPVS.
        const auto left = static_cast<std::int32_t>(cell.seen + timeout - now_);
        return std::max<std::int64_t>(left, 0) * 1000 / settings.hz;
    }

    const Tables* tables_;
    __u32 now_;
};

/// Nothing where the cell was freed, and perhaps taken again, while it was copied.
std::optional<CellCopy> copy_cell(const Tables& tables, std::uint32_t index) {
    const shoal_connection& shared = tables.connections[index];
    const __u32 word = load_shared(shared.word);
    if (!is_counted(word) && !is_template(word)) return std::nullopt;
    CellCopy copy{shared, {}};
    if ((word & SHOAL_WORD_IPV6) != 0) {
        const std::uint32_t cell = copy.connection.address_cell;
        if (cell >= tables.connections.size()) return std::nullopt;
        std::memcpy(&copy.addresses, &tables.connections[cell], sizeof copy.addresses);
    }
    // The cell of the addresses is freed later, and taken later.
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (load_shared(shared.word) >> SHOAL_WORD_GENERATION_SHIFT !=
        word >> SHOAL_WORD_GENERATION_SHIFT) {
        return std::nullopt;
    }
    copy.connection.word = word;
    return copy;
}

/// What needs no conversion, so that a filter over a large table is fast.
bool may_match(const ConnectionFilter& filter, const CellCopy& copy) {
    const shoal_connection& cell = copy.connection;
    if (filter.client && *filter.client != copy.client()) return false;
    return !filter.state || *filter.state == state_name(state_of(cell.word));
}

/// Decides once for each virtual server, not for each of its templates.
class TemplateFilter {
  public:
    TemplateFilter(const Tables& tables, const MarkedPackets& marked,
                   const ConnectionFilter& filter)
        : tables_(&tables), marked_(&marked), filter_(&filter) {}

    bool operator()(std::uint32_t service) {
        if (service >= tables_->services.size()) return false;
        const auto known = decided_.find(service);
        return known != decided_.end() ? known->second : decided_[service] = decide(service);
    }

  private:
    bool decide(std::uint32_t service) const {
        const ServiceKey key = key_of(tables_->services[service]);
        return takes_part(*filter_, key,
                          key.mark != 0 ? (*marked_)(service) : std::vector<MarkMatch>{});
    }

    const Tables* tables_;
    const MarkedPackets* marked_;
    const ConnectionFilter* filter_;
    std::unordered_map<std::uint32_t, bool> decided_;
};

}  // namespace

ConnectionPage read_connections(const Tables& tables, const MarkedPackets& marked,
                                const ConnectionFilter& filter, std::uint32_t from,
                                std::uint32_t scan) {
    const std::uint32_t cells = tables.connections.size();
    const std::uint32_t begin = std::min(from, cells);
    const std::uint32_t end = begin + std::min(scan, cells - begin);
    const Converter convert(tables);
    TemplateFilter takes_templates_of(tables, marked, filter);
    ConnectionPage page;
    for (std::uint32_t index = begin; index < end; ++index) {
        const auto cell = copy_cell(tables, index);
        if (!cell || !may_match(filter, *cell)) continue;
        if (is_template(cell->connection.word) && !takes_templates_of(cell->connection.service)) {
            continue;
        }
        auto connection = convert(*cell);
        if (matches(filter, connection)) page.connections.push_back(std::move(connection));
    }
    if (end < cells) page.next = end;
    return page;
}

}  // namespace shoal::dataplane
