#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "abi.h"
#include "dataplane/bpf/loader.h"
#include "dataplane/bpf/mapped_array.h"

namespace shoal::dataplane {

/// Values that a packet on another CPU reads or writes at the same time.
template <class T>
T load_shared(const T& value) {
    return __atomic_load_n(&value, __ATOMIC_ACQUIRE);
}
template <class T>
void store_shared(T& value, T now) {
    __atomic_store_n(&value, now, __ATOMIC_RELEASE);
}
/// Makes `next(old)` of a word that packets change by compare-and-swap. Where they leave it no
/// rest, their last changes are lost: it takes as long as a few calls of `next`, never for ever.
template <class Next>
void change_shared(__u64& word, Next&& next) {
    __u64 old = load_shared(word);
    for (int attempt = 1; attempt < 8; ++attempt) {
        if (__atomic_compare_exchange_n(&word, &old, next(old), false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
            return;
        }
    }
    __atomic_store_n(&word, next(old), __ATOMIC_SEQ_CST);
}

/// What the kernel accounts for those of `maps` that belong to the table of connections.
std::uint64_t table_bytes_of(const Objects& maps);

/// The maps of the packet path: those user space shares with it as typed memory, all by descriptor.
struct Tables {
    /// Takes the maps over; `maps` holds every one of bpf/maps.h.
    static Result<Tables> map(Objects maps);

    /// A map by its name in bpf/maps.h.
    int fd(const char* name) const { return maps.at(name).get(); }
    TableSizes sizes() const { return {connections.size(), services.size(), servers.size()}; }
    /// A real server's active and inactive connections, as in shoal_server_load.
    __u64 counts(std::uint32_t server) const {
        return load_shared(loads[server].load) & SHOAL_LOAD_COUNTS;
    }
    /// Persistence templates that name a real server. One that ends as it opens may be taken off
    /// before it is added.
    std::uint32_t template_count(std::uint32_t server) const {
        const auto count = static_cast<std::int64_t>(load_shared(templates[server]));
        return count > 0 ? static_cast<std::uint32_t>(count) : 0;
    }
    /// See table_bytes_of().
    std::uint64_t table_bytes() const { return table_bytes_of(maps); }

    Objects maps;
    MappedArray<shoal_settings> settings;
    MappedArray<shoal_sweeper> sweeper;
    MappedArray<shoal_free_ring> free_ring;
    MappedArray<shoal_address_filter> address_filter;
    MappedArray<std::uint32_t> free_cells;
    MappedArray<shoal_connection> connections;
    MappedArray<shoal_service> services;
    MappedArray<shoal_server> servers;
    MappedArray<shoal_server_detail> details;
    MappedArray<shoal_server_load> loads;
    /// See server_templates in bpf/maps.h.
    MappedArray<__u64> templates;
    MappedArray<shoal_device> devices;
    /// See former_counters in bpf/maps.h.
    MappedArray<shoal_counters> former_counters;
    /// See former_verdicts in bpf/maps.h.
    MappedArray<__u64> former_verdicts;
    /// The words of union shoal_cursor.
    MappedArray<__u64> cursors;
};

/// Everything a fresh table needs before the first packet: random hash key, sizes, every cell free.
Result<void> fill_fresh_tables(Tables& tables, TableSizes sizes);

/// Kernel ticks a second, from the resolution of the coarse clock.
std::uint32_t kernel_hz();

}  // namespace shoal::dataplane
