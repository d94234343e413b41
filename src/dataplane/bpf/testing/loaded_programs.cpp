#include "dataplane/bpf/testing/loaded_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "director_tc.skel.h"
#include "director_tc6.skel.h"
#include "director_xdp.skel.h"
#include "director_xdp6.skel.h"

namespace shoal::dataplane::testing {
namespace {

[[noreturn]] void give_up(const std::string& what, int error = errno) {
    throw std::runtime_error(what + ": " + std::generic_category().message(std::abs(error)));
}

std::vector<std::unique_ptr<LoadedPrograms>>& idle() {
    static std::vector<std::unique_ptr<LoadedPrograms>> programs;
    return programs;
}

void set_masks(auto& skeleton, std::uint32_t cells) {
    skeleton.rodata->shoal_cell_mask = cells - 1;
    skeleton.rodata->shoal_bucket_mask = cells / 4 - 1;
}

void set_size(auto& skeleton, std::uint32_t cells) {
    bpf_map__set_max_entries(skeleton.maps.connections, cells);
    bpf_map__set_max_entries(skeleton.maps.free_cells, cells);
    bpf_map__set_max_entries(skeleton.maps.flow_index, cells / 4);
    bpf_map__set_max_entries(skeleton.maps.overflow, std::max(cells / 16, 1U));
    set_masks(skeleton, cells);
}

// ---- Emptying, by type of map

void zero_memory(const bpf_map* map) {
    // The kernel keeps the values of an array eight bytes apart.
    const std::size_t value = (bpf_map__value_size(map) + 7U) / 8 * 8;
    const std::size_t bytes = value * bpf_map__max_entries(map);
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
    if (memory == MAP_FAILED) give_up(std::string("mapping ") + bpf_map__name(map));
    std::memset(memory, 0, bytes);
    munmap(memory, bytes);
}

void zero_per_cpu(const bpf_map* map) {
    std::uint32_t count = bpf_map__max_entries(map);
    std::vector<std::uint32_t> keys(count);
    std::iota(keys.begin(), keys.end(), 0U);
    const std::size_t value = (bpf_map__value_size(map) + 7U) / 8 * 8;
    const std::vector<std::byte> zeros(value * count *
                                       static_cast<std::size_t>(libbpf_num_possible_cpus()));
    bpf_map_batch_opts options{};
    options.sz = sizeof options;
    if (bpf_map_update_batch(bpf_map__fd(map), keys.data(), zeros.data(), &count, &options) != 0)
        give_up(std::string("emptying ") + bpf_map__name(map));
}

void delete_entries(const bpf_map* map) {
    std::vector<std::byte> key(bpf_map__key_size(map));
    while (bpf_map_get_next_key(bpf_map__fd(map), nullptr, key.data()) == 0) {
        // An entry of an LRU map may go by itself.
        if (bpf_map_delete_elem(bpf_map__fd(map), key.data()) != 0 && errno != ENOENT)
            give_up(std::string("emptying ") + bpf_map__name(map));
    }
}

/// Those that are there: Linux 6.1 waits for every CPU at each deletion, of nothing too.
void delete_inner_maps(const bpf_map* map) {
    for (std::uint32_t index = 0; index < bpf_map__max_entries(map); ++index) {
        std::uint32_t id = 0;
        if (bpf_map_lookup_elem(bpf_map__fd(map), &index, &id) == 0)
            bpf_map_delete_elem(bpf_map__fd(map), &index);
    }
}

void consume(const bpf_map* map) {
    const auto ignore = [](void*, void*, std::size_t) { return 0; };
    ring_buffer* ring = ring_buffer__new(bpf_map__fd(map), ignore, nullptr, nullptr);
    if (ring == nullptr) give_up(std::string("reading ") + bpf_map__name(map));
    ring_buffer__consume(ring);
    ring_buffer__free(ring);
}

void empty(const bpf_map* map) {
    switch (bpf_map__type(map)) {
        case BPF_MAP_TYPE_ARRAY:
            if (bpf_map__map_flags(map) & BPF_F_MMAPABLE) zero_memory(map);
            return;  // the others are a timer, and what nobody writes to
        case BPF_MAP_TYPE_PERCPU_ARRAY:
            return zero_per_cpu(map);
        case BPF_MAP_TYPE_ARRAY_OF_MAPS:
            return delete_inner_maps(map);
        case BPF_MAP_TYPE_HASH:
        case BPF_MAP_TYPE_LRU_HASH:
        case BPF_MAP_TYPE_LPM_TRIE:
            return delete_entries(map);
        case BPF_MAP_TYPE_RINGBUF:
            return consume(map);
        case BPF_MAP_TYPE_PROG_ARRAY:
            return;  // the programs of IPv6, which stay
        default:
            throw std::logic_error(std::string("how to empty ") + bpf_map__name(map));
    }
}

}  // namespace

std::unique_ptr<LoadedPrograms> LoadedPrograms::take(std::uint32_t cells) {
    const auto found = std::ranges::find(idle(), cells, &LoadedPrograms::cells_);
    if (found == idle().end()) return std::unique_ptr<LoadedPrograms>(new LoadedPrograms(cells));
    auto programs = std::move(*found);
    idle().erase(found);
    return programs;
}

void LoadedPrograms::leave(std::unique_ptr<LoadedPrograms> used, bool timer_started) {
    // An emulated machine may take longer to empty the maps than to load the programs.
    static bool worthwhile = true;
    if (!used || timer_started || !worthwhile) return;
    const auto start = Clock::now();
    used->empty_maps();
    worthwhile = Clock::now() - start < 4 * used->loading_;
    idle().push_back(std::move(used));
}

LoadedPrograms::LoadedPrograms(std::uint32_t cells)
    : cells_(cells), tc_(director_tc__open()), xdp_(director_xdp__open()) {
    const auto start = Clock::now();
    if (tc_ == nullptr || xdp_ == nullptr) give_up("opening the programs");
    set_size(*tc_, cells);
    set_size(*xdp_, cells);
    if (const int error = director_tc__load(tc_)) give_up("loading the tc program", error);
    share_maps(xdp_->obj);
    if (const int error = director_xdp__load(xdp_)) give_up("loading the XDP program", error);
    loading_ = Clock::now() - start;
}

void LoadedPrograms::load_ipv6() {
    if (tc6_ != nullptr) return;
    tc6_ = director_tc6__open();
    xdp6_ = director_xdp6__open();
    if (tc6_ == nullptr || xdp6_ == nullptr) give_up("opening the programs of IPv6");
    set_masks(*tc6_, cells_);
    set_masks(*xdp6_, cells_);
    share_maps(tc6_->obj);
    share_maps(xdp6_->obj);
    if (const int error = director_tc6__load(tc6_)) give_up("loading tc for IPv6", error);
    if (const int error = director_xdp6__load(xdp6_)) give_up("loading XDP for IPv6", error);
    hand_over_ipv6();
}

void LoadedPrograms::hand_over_ipv6() const {
    const std::uint32_t zero = 0;
    const int tc = bpf_program__fd(tc6_->progs.shoal_ipv6_tc);
    const int xdp = bpf_program__fd(xdp6_->progs.shoal_ipv6_xdp);
    if (bpf_map_update_elem(bpf_map__fd(tc_->maps.ipv6_tc), &zero, &tc, BPF_ANY) != 0 ||
        bpf_map_update_elem(bpf_map__fd(tc_->maps.ipv6_xdp), &zero, &xdp, BPF_ANY) != 0)
        give_up("handing over to the programs of IPv6");
}

const bpf_program* LoadedPrograms::ipv6_program(const char* name) const {
    if (tc6_ == nullptr) return nullptr;
    const bpf_program* found = bpf_object__find_program_by_name(tc6_->obj, name);
    return found != nullptr ? found : bpf_object__find_program_by_name(xdp6_->obj, name);
}

LoadedPrograms::~LoadedPrograms() {
    director_xdp6__destroy(xdp6_);
    director_tc6__destroy(tc6_);
    director_xdp__destroy(xdp_);
    director_tc__destroy(tc_);
}

/// Scratch room is each object's own, where its name or layout is.
void LoadedPrograms::share_maps(bpf_object* object) const {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) {
        if (bpf_map__is_internal(map)) continue;
        const bpf_map* shared = bpf_object__find_map_by_name(tc_->obj, bpf_map__name(map));
        if (shared && bpf_map__reuse_fd(map, bpf_map__fd(shared)) != 0)
            give_up(std::string("sharing ") + bpf_map__name(map));
    }
}

void LoadedPrograms::empty_maps() const {
    const bpf_map* map = nullptr;
    bpf_object__for_each_map(map, tc_->obj) {
        if (!bpf_map__is_internal(map)) empty(map);
    }
}

}  // namespace shoal::dataplane::testing
