#include "dataplane/bpf/counters.h"

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

}  // namespace

Result<model::Counters> read_counters(int map, std::uint32_t index) {
    const auto values = read_per_cpu<shoal_counters>(map, index);
    if (!values) return fail(values.error());
    model::Counters sum;
    for (const shoal_counters& cpu : *values)
        add(sum, cpu);
    return sum;
}

Result<model::Counters> total_counters(const Tables& tables) {
    model::Counters sum;
    add(sum, tables.former_counters[0]);
    for (std::uint32_t service = 0; service < SHOAL_MAX_SERVICES; ++service) {
        if (!was_used(tables, service)) continue;
        const auto counters = read_counters(tables.fd("service_counters"), service);
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

}  // namespace shoal::dataplane
