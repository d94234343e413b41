#include "dataplane/bpf/self_check.h"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "dataplane/bpf/conversions.h"

namespace shoal::dataplane {

namespace {

struct Counts {
    std::int64_t active = 0;
    std::int64_t inactive = 0;
    bool operator==(const Counts&) const = default;
};

/// Both halves of a baseline may be below zero, see may_differ().
Counts counts_of(__u64 word) {
    const auto inactive = static_cast<std::int32_t>(word);
    const auto active = static_cast<std::int32_t>((word - static_cast<__u64>(inactive)) >> 32);
    return {active, inactive};
}

__u32 state_of(const shoal_connection& cell) {
    return load_shared(cell.word) & SHOAL_WORD_STATE_MASK;
}

bool is_template(const shoal_connection& cell) {
    return cell.protocol == SHOAL_PROTOCOL_TEMPLATE;
}

/// What the table holds.
struct Found {
    explicit Found(std::size_t servers) : loads(servers), baselines(servers), templates(servers) {}

    std::vector<Counts> loads;
    std::vector<Counts> baselines;
    std::vector<std::uint32_t> templates;
    /// Connections under each template, by its cell.
    std::vector<std::uint32_t> controlled;
    std::vector<std::string> differences;
};

void add(Counts& counts, __u32 word) {
    ((word & SHOAL_WORD_INACTIVE) != 0 ? counts.inactive : counts.active) += 1;
}

/// Of a connection or template of IPv6.
void check_addresses(const Tables& tables, std::uint32_t index, Found& found) {
    const shoal_connection& cell = tables.connections[index];
    const auto word = load_shared(cell.word);
    if ((word & SHOAL_WORD_IPV6) == 0) return;
    const std::uint32_t place = cell.address_cell;
    shoal_addresses addresses{};
    if (place < tables.connections.size())
        std::memcpy(&addresses, &tables.connections[place], sizeof addresses);
    if ((addresses.word & SHOAL_WORD_STATE_MASK) == SHOAL_STATE_ADDRESSES &&
        addresses.owner == index) {
        return;
    }
    if (load_shared(cell.word) != word) return;  // just being freed, its addresses first
    found.differences.push_back(
        fmt::format("cell {} has its addresses in cell {}, which is not its own", index, place));
}

void count_cell(const Tables& tables, std::uint32_t index, Found& found) {
    const shoal_connection& cell = tables.connections[index];
    if (state_of(cell) == SHOAL_STATE_TEMPLATE && cell.server < tables.servers.size()) {
        ++found.templates[cell.server];
    }
    if (state_of(cell) == SHOAL_STATE_FREE || state_of(cell) == SHOAL_STATE_ADDRESSES) return;
    check_addresses(tables, index, found);
    if (is_template(cell)) return;
    // One that is over has its share until the sweeper frees it.
    if (cell.template_cell != 0 && cell.template_cell < found.controlled.size()) {
        ++found.controlled[cell.template_cell];
    }
    if (state_of(cell) >= SHOAL_STATES) return;
    if (cell.server >= tables.servers.size() || cell.service >= tables.services.size()) {
        found.differences.push_back(fmt::format("cell {} names real server {} of virtual server {}",
                                                index, cell.server, cell.service));
        return;
    }
    add(found.loads[cell.server], cell.word);
    if (cell.load_epoch != tables.services[cell.service].load_epoch) {
        add(found.baselines[cell.server], cell.word);
    }
}

/// A baseline is set while packets change it: each CPU may be within one change.
bool may_differ(const Counts& one, const Counts& other) {
    const int cpus = libbpf_num_possible_cpus();
    return std::abs(one.active - other.active) <= cpus &&
           std::abs(one.inactive - other.inactive) <= cpus;
}

std::string in_words(const Tables& tables, std::uint32_t server, const char* what,
                     const Counts& counted, const Counts& found) {
    return fmt::format(
        "real server {} (entry {}): counted are {} active and {} inactive connections{}, the table "
        "holds {} and {}",
        server_key(tables.servers[server]).to_string(), server, counted.active, counted.inactive,
        what, found.active, found.inactive);
}

void compare_server(const Tables& tables, std::uint32_t server, Found& found) {
    const Counts load = counts_of(tables.counts(server));
    if (load != found.loads[server]) {
        found.differences.push_back(in_words(tables, server, "", load, found.loads[server]));
    }
    const Counts baseline = counts_of(load_shared(tables.loads[server].baseline));
    if (!may_differ(baseline, found.baselines[server])) {
        found.differences.push_back(in_words(tables, server, " before the last real server joined",
                                             baseline, found.baselines[server]));
    }
    const std::uint32_t templates = tables.template_count(server);
    if (templates != found.templates[server]) {
        found.differences.push_back(
            fmt::format("real server {} (entry {}): counted are {} persistence templates, the "
                        "table holds {}",
                        server_key(tables.servers[server]).to_string(), server, templates,
                        found.templates[server]));
    }
}

void compare_cell(const Tables& tables, std::uint32_t index, Found& found) {
    const shoal_connection& cell = tables.connections[index];
    const bool counts = state_of(cell) != SHOAL_STATE_FREE &&
                        state_of(cell) != SHOAL_STATE_ADDRESSES && is_template(cell);
    const std::uint32_t counted = counts ? load_shared(cell.controlled) : 0;
    if (counted == found.controlled[index]) return;
    found.differences.push_back(
        fmt::format("{} {}: counted are {} connections under it, the table holds {}",
                    counts ? "the persistence template in cell" : "no persistence template in cell",
                    index, counted, found.controlled[index]));
}

}  // namespace

std::vector<std::string> compare_counts(const Tables& tables, const Tables* former) {
    Found found(tables.servers.size());
    for (const Tables* table : {former, &tables}) {
        if (table == nullptr) continue;
        found.controlled.assign(table->connections.size(), 0);
        for (std::uint32_t index = 0; index < table->connections.size(); ++index)
            count_cell(*table, index, found);
        for (std::uint32_t index = 0; index < table->connections.size(); ++index)
            compare_cell(*table, index, found);
    }
    for (std::uint32_t server = 0; server < tables.servers.size(); ++server)
        compare_server(tables, server, found);
    return std::move(found.differences);
}

}  // namespace shoal::dataplane
