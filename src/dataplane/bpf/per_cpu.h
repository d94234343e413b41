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

template <class T>
Result<void> clear_per_cpu(int map, std::uint32_t index) {
    const std::vector<T> zeros(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    if (bpf_map_update_elem(map, &index, zeros.data(), BPF_ANY) == 0) return {};
    return fail(system_error("clearing counters", errno));
}

}  // namespace shoal::dataplane
