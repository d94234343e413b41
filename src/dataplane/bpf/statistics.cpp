#include "dataplane/bpf/statistics.h"

#include <bpf/bpf.h>

#include <ctime>

#include "dataplane/bpf/counters.h"
#include "dataplane/bpf/verdict_texts.h"

namespace shoal::dataplane {

namespace {

std::vector<model::VerdictCount> with_texts(const std::vector<std::uint64_t>& counts) {
    std::vector<model::VerdictCount> verdicts;
    for (std::size_t verdict = 0; verdict < counts.size(); ++verdict) {
        const VerdictText& text = verdict_texts[verdict];
        verdicts.push_back({std::string(text.name), std::string(text.meaning), counts[verdict]});
    }
    return verdicts;
}

/// Connections in the overflow map, which is empty as a rule. A NAT connection's second entry, for
/// the replies, does not count.
std::uint32_t count_overflow(int map, std::uint32_t limit) {
    shoal_overflow_key key{};
    std::uint32_t count = 0;
    std::uint32_t steps = 0;
    const void* from = nullptr;
    while (steps++ < limit && bpf_map_get_next_key(map, from, &key) == 0) {
        if (key.reply == 0) ++count;
        from = &key;
    }
    return count;
}

std::int64_t sweeper_age_ms(const shoal_sweeper& sweeper) {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t now_ms = now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
    return now_ms - static_cast<std::int64_t>(load_shared(sweeper.last_tick_ns) / 1'000'000);
}

struct Readers {
    CountersReader services;
    CountersReader servers;
};

Result<ServiceLoad> read_service(const Tables& tables, const VirtualServers::Entry& entry,
                                 Readers& readers) {
    const auto counters = readers.services.read(entry.index);
    if (!counters) return fail(counters.error());
    ServiceLoad load{entry.service.key, *counters, {}};
    for (std::size_t i = 0; i < entry.server_indices.size(); ++i) {
        const std::uint32_t index = entry.server_indices[i];
        const auto server = readers.servers.read(index);
        if (!server) return fail(server.error());
        const __u64 counts = load_shared(tables.loads[index].load);
        ServerLoad& now = load.servers.emplace_back();
        now.key = entry.service.servers[i].key;
        now.active = static_cast<std::uint32_t>((counts & SHOAL_LOAD_COUNTS) >> 32);
        now.inactive = static_cast<std::uint32_t>(counts);
        now.counters = *server;
        now.persistent = tables.template_count(index);
        now.overloaded = (counts & SHOAL_LOAD_OVERLOADED) != 0;
    }
    return load;
}

}  // namespace

Result<Statistics> read_statistics(const Tables& tables, const Tables* former, int former_verdicts,
                                   const std::vector<VirtualServers::Entry>& entries) {
    Statistics statistics;
    Readers readers{CountersReader(tables.fd("service_counters")),
                    CountersReader(tables.fd("server_counters"))};
    for (const auto& entry : entries) {
        auto load = read_service(tables, entry, readers);
        if (!load) return fail(load.error());
        statistics.services.push_back(std::move(*load));
    }
    const auto total = total_counters(tables);
    if (!total) return fail(total.error());
    statistics.total = *total;
    const auto verdicts = read_verdicts(tables, former_verdicts);
    if (!verdicts) return fail(verdicts.error());
    statistics.verdicts = with_texts(*verdicts);
    statistics.table.size = tables.sizes().cells;
    statistics.table.memory_bytes = tables.table_bytes();
    for (const Tables* table : {&tables, former}) {
        if (table == nullptr) continue;
        statistics.table.used += load_shared(table->sweeper[0].used);
        statistics.table.overflow +=
            count_overflow(table->fd("overflow"), table->sizes().overflow());
    }
    if (former != nullptr) {
        statistics.table.former_size = former->sizes().cells;
        statistics.table.memory_bytes += former->table_bytes();
    }
    statistics.sweeper_age_ms = sweeper_age_ms(tables.sweeper[0]);
    return statistics;
}

}  // namespace shoal::dataplane
