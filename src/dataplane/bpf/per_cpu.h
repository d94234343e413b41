#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstdint>
#include <vector>

#include "base/result.h"

namespace shoal::dataplane {

/// The values of one entry of a per-CPU map, by possible CPU.
template <class T>
Result<std::vector<T>> read_per_cpu(int map, std::uint32_t index) {
    static_assert(sizeof(T) % 8 == 0, "the kernel rounds values up to 8 bytes");
    std::vector<T> values(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    if (bpf_map_lookup_elem(map, &index, values.data()) == 0) return values;
    return fail(system_error("reading counters", errno));
}

/// Of entries from `first` on, one entry's values behind the other's: `count` entries, fewer where
/// the map ends.
template <class T>
Result<std::vector<T>> read_per_cpu(int map, std::uint32_t first, std::uint32_t count) {
    static_assert(sizeof(T) % 8 == 0, "the kernel rounds values up to 8 bytes");
    const auto cpus = static_cast<std::size_t>(libbpf_num_possible_cpus());
    std::vector<T> values(count * cpus);
    std::vector<std::uint32_t> keys(count);
    std::uint32_t before = first - 1;
    std::uint32_t last = 0;
    if (bpf_map_lookup_batch(map, first == 0 ? nullptr : &before, &last, keys.data(), values.data(),
                             &count, nullptr) != 0 &&
        errno != ENOENT)
        return fail(system_error("reading counters", errno));
    values.resize(count * cpus);
    return values;
}

template <class T>
Result<void> clear_per_cpu(int map, std::uint32_t index) {
    const std::vector<T> zeros(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    if (bpf_map_update_elem(map, &index, zeros.data(), BPF_ANY) == 0) return {};
    return fail(system_error("clearing counters", errno));
}

}  // namespace shoal::dataplane
