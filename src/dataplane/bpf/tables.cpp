#include "dataplane/bpf/tables.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <ctime>
#include <fstream>

#include "dataplane/bpf/conversions.h"

namespace shoal::dataplane {

namespace {

/// "memlock:\t67108864" in /proc/self/fdinfo.
std::uint64_t memory_of(int fd) {
    std::ifstream file(fmt::format("/proc/self/fdinfo/{}", fd));
    std::string word;
    std::uint64_t bytes = 0;
    while (file >> word) {
        if (word == "memlock:" && file >> bytes) return bytes;
    }
    return 0;
}

/// 0 where the kernel does not know the map.
std::uint32_t entries_of(int fd) {
    bpf_map_info info{};
    __u32 length = sizeof info;
    return bpf_obj_get_info_by_fd(fd, &info, &length) == 0 ? info.max_entries : 0;
}

}  // namespace

Result<Tables> Tables::map(Objects maps) {
    Tables tables{};
    tables.maps = std::move(maps);
    Result<void> result;
    const auto take = [&]<class T>(MappedArray<T>& array, const char* name) {
        if (!result) return;
        auto mapped = MappedArray<T>::map(tables.fd(name), entries_of(tables.fd(name)));
        if (mapped) {
            array = std::move(*mapped);
        } else {
            result = fail(mapped.error().within(name));
        }
    };
    take(tables.settings, "settings");
    take(tables.sweeper, "sweeper");
    take(tables.free_ring, "free_ring");
    take(tables.address_filter, "address_filter");
    take(tables.free_cells, "free_cells");
    take(tables.connections, "connections");
    take(tables.services, "service_table");
    take(tables.servers, "server_table");
    take(tables.details, "server_details");
    take(tables.loads, "server_loads");
    take(tables.templates, "server_templates");
    take(tables.devices, "devices");
    take(tables.former_counters, "former_counters");
    take(tables.former_verdicts, "former_verdicts");
    take(tables.cursors, "scheduler_state");
    if (!result) return fail(result.error());
    return tables;
}

std::uint64_t table_bytes_of(const Objects& maps) {
    std::uint64_t sum = 0;
    for (const auto& [name, map] : maps) {
        if (belongs_to_table(name)) sum += memory_of(map.get());
    }
    return sum;
}

std::uint32_t kernel_hz() {
    timespec resolution{};
    ::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
    const std::int64_t nanoseconds = resolution.tv_nsec;
    return nanoseconds > 0 ? static_cast<std::uint32_t>(1'000'000'000 / nanoseconds) : 100;
}

Result<void> fill_fresh_tables(Tables& tables, TableSizes sizes) {
    shoal_settings& settings = tables.settings[0];
    if (::getrandom(&settings.hash_key[0], sizeof settings.hash_key, 0) !=
        sizeof settings.hash_key) {
        return fail(system_error("making a random hash key", errno));
    }
    settings.abi_version = SHOAL_ABI_VERSION;
    settings.common_version = SHOAL_COMMON_VERSION;
    settings.cells = sizes.cells;
    settings.buckets = sizes.buckets();
    settings.hz = kernel_hz();
    put_timeouts(settings, {});
    for (std::uint32_t cell = 0; cell < sizes.cells; ++cell) {
        tables.connections[cell].word = SHOAL_STATE_FREE;
        if (cell > 0) tables.free_cells[cell - 1] = cell;
    }
    shoal_free_ring& ring = tables.free_ring[0];
    ring.written = ring.resting = sizes.cells - 1;
    store_shared(ring.tail, ring.written);
    return {};
}

}  // namespace shoal::dataplane
