#include "dataplane/bpf/counters.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <numeric>

#include "dataplane/bpf/per_cpu.h"

namespace shoal::dataplane {

namespace {

/// To either of model::Counters and shoal_counters.
void add(auto& sum, const auto& counters) {
    sum.connections += counters.connections;
    sum.packets_in += counters.packets_in;
    sum.packets_out += counters.packets_out;
    sum.bytes_in += counters.bytes_in;
    sum.bytes_out += counters.bytes_out;
}

/// Whether the index belongs to a virtual server, or did.
bool was_used(const Tables& tables, std::uint32_t service) {
    return tables.services[service].key.family != 0;
}

bpf_map_info info_of(int map) {
    bpf_map_info info{};
    __u32 length = sizeof info;
    if (bpf_obj_get_info_by_fd(map, &info, &length) != 0) return {};
    return info;
}

/// How many verdicts a map counts that is not the table's own.
std::uint32_t others_verdicts(const Tables& tables, int map) {
    if (map < 0 || info_of(map).id == info_of(tables.fd("verdicts")).id) return 0;
    return std::min<std::uint32_t>(info_of(map).max_entries, SHOAL_MAX_VERDICTS);
}

Result<std::uint64_t> read_verdict(int map, std::uint32_t verdict) {
    const auto values = read_per_cpu<__u64>(map, verdict);
    if (!values) return fail(values.error());
    return std::accumulate(values->begin(), values->end(), std::uint64_t{0});
}

}  // namespace

Result<model::Counters> read_counters(int map, std::uint32_t index) {
    const auto values = read_per_cpu<shoal_counters>(map, index);
    if (!values) return fail(values.error());
    model::Counters sum;
    for (const shoal_counters& cpu : *values)
        add(sum, cpu);
    return sum;
}

Result<model::Counters> CountersReader::read(std::uint32_t index) {
    constexpr std::uint32_t neighbours = 256;
    const auto [group, is_new] = groups_.try_emplace(index / neighbours);
    if (is_new) {
        const auto values =
            read_per_cpu<shoal_counters>(map_, index / neighbours * neighbours, neighbours);
        if (!values) {
            groups_.erase(group);
            return fail(values.error());
        }
        const auto cpus = static_cast<std::size_t>(libbpf_num_possible_cpus());
        group->second.resize(values->size() / cpus);
        for (std::size_t value = 0; value < values->size(); ++value)
            add(group->second[value / cpus], (*values)[value]);
    }
    if (index % neighbours < group->second.size()) return group->second[index % neighbours];
    return fail("there are no counters of this number");
}

Result<model::Counters> total_counters(const Tables& tables) {
    model::Counters sum;
    add(sum, tables.former_counters[0]);
    CountersReader reader(tables.fd("service_counters"));
    for (std::uint32_t service = 0; service < tables.services.size(); ++service) {
        if (!was_used(tables, service)) continue;
        const auto counters = reader.read(service);
        if (!counters) return counters;
        add(sum, *counters);
    }
    return sum;
}

Result<void> begin_counters(const Tables& tables, std::uint32_t service) {
    const int map = tables.fd("service_counters");
    const auto former = read_counters(map, service);
    if (!former) return fail(former.error());
    // Cleared last: where the second step fails, the total is too large rather than going back.
    add(tables.former_counters[0], *former);
    return clear_per_cpu<shoal_counters>(map, service);
}

Result<std::vector<std::uint64_t>> read_verdicts(const Tables& tables, int former) {
    std::vector<std::uint64_t> counts(SHOAL_VERDICT_COUNT);
    const std::uint32_t others = others_verdicts(tables, former);
    for (std::uint32_t verdict = 0; verdict < SHOAL_VERDICT_COUNT; ++verdict) {
        const auto own = read_verdict(tables.fd("verdicts"), verdict);
        if (!own) return fail(own.error());
        counts[verdict] = *own + tables.former_verdicts[verdict];
        if (verdict >= others) continue;
        const auto other = read_verdict(former, verdict);
        if (!other) return fail(other.error());
        counts[verdict] += *other;
    }
    return counts;
}

Result<void> keep_verdicts(const Tables& tables, int former) {
    const std::uint32_t others = others_verdicts(tables, former);
    for (std::uint32_t verdict = 0; verdict < others; ++verdict) {
        const auto count = read_verdict(former, verdict);
        if (!count) return fail(count.error());
        tables.former_verdicts[verdict] += *count;
        if (auto done = clear_per_cpu<__u64>(former, verdict); !done) return done;
    }
    return {};
}

}  // namespace shoal::dataplane
