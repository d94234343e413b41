#include "dataplane/bpf/testing/packet_path.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <system_error>

#include "dataplane/bpf/cursor.h"
#include "director_tc.skel.h"
#include "director_tc6.skel.h"
#include "director_xdp.skel.h"
#include "director_xdp6.skel.h"
#include "score.h"

namespace shoal::dataplane::testing {
namespace {

[[noreturn]] void fail(const std::string& what, int error = errno) {
    throw std::runtime_error(what + ": " + std::generic_category().message(std::abs(error)));
}

bool is_v6(const std::string& address) {
    return address.contains(':');
}

/// As the packet path's wide fields have it.
std::array<std::uint32_t, 4> words_of(const std::string& text) {
    std::array<std::uint32_t, 4> words{};
    if (inet_pton(is_v6(text) ? AF_INET6 : AF_INET, text.c_str(), words.data()) != 1)
        throw std::runtime_error("address " + text);
    return words;
}

std::uint32_t fold(const __be32* words) {
    return words[0] ^ words[1] ^ words[2] ^ words[3];
}

std::string text_of(const __be32* words, bool v6) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(v6 ? AF_INET6 : AF_INET, words, text.data(), text.size());
    return text.data();
}

template <class T>
std::span<T> map_memory(int map, std::size_t count) {
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = (count * sizeof(T) + page - 1) / page * page;
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
    if (memory == MAP_FAILED) fail("mmap of a map");
    return {static_cast<T*>(memory), count};
}

template <class T>
std::span<T> map_memory(const bpf_map* map) {
    return map_memory<T>(bpf_map__fd(map), bpf_map__max_entries(map));
}

// The kernel keeps the values of an array eight bytes apart.
struct alignas(8) FreePlace {
    std::uint32_t cell;
};

const char* const verdict_names[] = {
#define NAME(name, meaning) #name,
    SHOAL_VERDICTS(NAME)
#undef NAME
};

}  // namespace

std::string to_string(Hook hook) {
    return hook == Hook::tc ? "tc" : "xdp";
}

void pin_to_cpu(unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0) fail("pinning to a CPU");
}

PacketPath::PacketPath(std::uint32_t cells)
    : programs_(LoadedPrograms::take(cells)), tc_(&programs_->tc()), xdp_(&programs_->xdp()) {
    sched_getaffinity(0, sizeof cpus_, &cpus_);
    fill_tables(cells);
}

PacketPath::~PacketPath() {
    for (const auto& memory :
         {std::as_writable_bytes(connections_), std::as_writable_bytes(buckets_),
          std::as_writable_bytes(servers_), std::as_writable_bytes(services_),
          std::as_writable_bytes(details_), std::as_writable_bytes(loads_),
          std::as_writable_bytes(cursors_), std::as_writable_bytes(std::span(settings_, 1)),
          std::as_writable_bytes(std::span(filter_, 1)),
          std::as_writable_bytes(std::span(sweeper_, 1)),
          std::as_writable_bytes(std::span(ring_, 1))})
        munmap(memory.data(), memory.size());
    for (const auto& [service, current] : pools_)
        munmap(current.nodes.data(), current.nodes.size_bytes());
    sched_setaffinity(0, sizeof cpus_, &cpus_);
    LoadedPrograms::leave(std::move(programs_), timer_started_);
}

void PacketPath::load_ipv6() {
    programs_->load_ipv6();
}

void PacketPath::put_address(__be32 (&field)[4], const std::string& text) {
    if (is_v6(text)) load_ipv6();
    std::ranges::copy(words_of(text), field);
}

void PacketPath::fill_tables(std::uint32_t cells) {
    const auto& maps = tc_->maps;
    settings_ = map_memory<shoal_settings>(maps.settings).data();
    filter_ = map_memory<shoal_address_filter>(maps.address_filter).data();
    sweeper_ = map_memory<shoal_sweeper>(maps.sweeper).data();
    ring_ = map_memory<shoal_free_ring>(maps.free_ring).data();
    connections_ = map_memory<shoal_connection>(maps.connections);
    buckets_ = map_memory<shoal_bucket>(maps.flow_index);
    servers_ = map_memory<shoal_server>(maps.server_table);
    services_ = map_memory<shoal_service>(maps.service_table);
    details_ = map_memory<shoal_server_detail>(maps.server_details);
    loads_ = map_memory<shoal_server_load>(maps.server_loads);
    cursors_ = map_memory<union shoal_cursor>(maps.scheduler_state);

    const auto devices = map_memory<shoal_device>(maps.devices);
    for (std::uint32_t index = 1; index < devices.size(); ++index)
        devices[index] = {.interface = index, .mtu = 1500, .mac = {}, .zero = 0};

    settings_->hash_key[0] = 0x0706050403020100ULL;
    settings_->hash_key[1] = 0x0f0e0d0c0b0a0908ULL;
    settings_->abi_version = SHOAL_ABI_VERSION;
    settings_->cells = cells;
    settings_->buckets = cells / 4;
    settings_->hz = 250;
    constexpr std::uint32_t seconds[SHOAL_STATES] = {2,  900, 120, 60,  120, 120,
                                                     10, 60,  30,  120, 120, 300};
    for (unsigned state = 0; state < SHOAL_STATES; ++state)
        settings_->timeout[state] = seconds[state] * settings_->hz;
    const auto places = map_memory<FreePlace>(maps.free_cells);
    for (std::uint32_t place = 0; place + 1 < cells; ++place)
        places[place].cell = place + 1;
    munmap(places.data(), places.size_bytes());
    ring_->head = 0;
    ring_->tail = ring_->resting = ring_->written = cells - 1;
}

void PacketPath::set_filter_bit(bool virtual_bits, const std::string& address) {
    const std::uint32_t index = (fold(words_of(address).data()) * 0x9E3779B1U) >> 16;
    auto& words = virtual_bits ? filter_->virtual_bits : filter_->real_bits;
    words[index >> 6] |= 1ULL << (index & 63);
}

std::uint32_t PacketPath::add_service(const std::string& address, std::uint16_t port,
                                      shoal_scheduler scheduler, std::uint8_t protocol) {
    const std::uint32_t index = next_service_++;
    auto& service = services_[index];
    put_address(service.key.address, address);
    service.key.port = htons(port);
    service.key.protocol = protocol;
    service.key.family = is_v6(address) ? 6 : 4;
    service.scheduler = scheduler;
    service.in_use = 1;
    if (bpf_map_update_elem(bpf_map__fd(tc_->maps.services), &service.key, &index, BPF_ANY) != 0)
        fail("adding a service");
    set_filter_bit(true, address);
    set_pool(index, {});
    return index;
}

std::uint32_t PacketPath::add_server(std::uint32_t service, const RealServer& real) {
    const std::uint32_t index = next_server_++;
    auto& server = servers_[index];
    put_address(server.address, real.address);
    put_address(details_[index].next_hop, real.address);
    server.family = static_cast<__u8>(is_v6(real.address) ? 6 : 4);
    details_[index].family = server.family;
    server.port = htons(real.port);
    server.method = static_cast<std::uint8_t>(real.method);
    server.interface = real.interface;
    std::ranges::copy(server_mac, server.mac);
    std::ranges::copy(director_mac, server.source_mac);
    server.service = service;
    server.tunnel = static_cast<std::uint8_t>(real.tunnel);
    put_address(server.tunnel_source, server.family == 6 ? tunnel_source_v6 : tunnel_source);
    server.tunnel_port = htons(tunnel_port);
    server.mtu = real.mtu;
    server.flags = static_cast<std::uint8_t>(SHOAL_SERVER_IN_USE | SHOAL_SERVER_AVAILABLE |
                                             (real.mac_known ? SHOAL_SERVER_NEXT_HOP_KNOWN : 0) |
                                             (real.local ? SHOAL_SERVER_LOCAL : 0));
    if (real.method == SHOAL_METHOD_NAT) set_filter_bit(false, real.address);
    return index;
}

void PacketPath::set_pool(std::uint32_t service, const std::vector<Member>& members) {
    auto& [pool, nodes] = pools_[service];
    const Pool next{.generation = pool.generation + 1,
                    .scheduler = services_[service].scheduler,
                    .flags = services_[service].flags,
                    .members = members};
    std::vector<MemberState> states;
    for (std::uint32_t place = 0; place < members.size(); ++place) {
        if (members[place].server >= SHOAL_USUAL_SERVERS) {  // a test of impossible states
            states.emplace_back();
            continue;
        }
        auto& load = loads_[members[place].server];
        const auto& server = servers_[members[place].server];
        load.position[next.generation & 1] = static_cast<__u16>(place);
        if (members[place].weight != 0) load.last_weight = members[place].weight;
        states.push_back({load, ntohl(fold(server.address)), ntohs(server.port)});
    }
    const auto built = build_nodes(next, states);
    bpf_map_create_opts options{};
    options.sz = sizeof(options);
    options.map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE;
    const auto count = static_cast<std::uint32_t>(built.size());
    const int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "pool", sizeof(std::uint32_t),
                                     sizeof(shoal_pool_node), count, &options);
    if (inner < 0) fail("making a pool");
    const auto memory = map_memory<shoal_pool_node>(inner, count);
    std::ranges::copy(built, memory.begin());
    if (bpf_map_update_elem(bpf_map__fd(tc_->maps.pools), &service, &inner, BPF_ANY) != 0)
        fail("swapping in a pool");
    close(inner);
    if (!nodes.empty()) munmap(nodes.data(), nodes.size_bytes());
    nodes = memory;
    refresh(service);
    move_cursor(service, pool, next);
    pool = next;
}

void PacketPath::move_cursor(std::uint32_t service, const Pool& before, const Pool& after) const {
    auto& word = cursors_[service].word;
    shoal_cursor old{};
    old.word = word;
    while (!__atomic_compare_exchange_n(&word, &old.word,
                                        cursor_after_change(old, before, after).word, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
}

void PacketPath::refresh(std::uint32_t service) const {
    run_control(bpf_program__fd(tc_->progs.refresh_pool), service);
}

std::span<const shoal_pool_node> PacketPath::nodes(std::uint32_t service) const {
    return pools_.at(service).nodes;
}

std::uint32_t PacketPath::serve(const std::vector<RealServer>& servers, shoal_scheduler scheduler,
                                std::uint8_t protocol) {
    const bool v6 = !servers.empty() && is_v6(servers.front().address);
    const auto service =
        add_service(v6 ? "2001:db8:80::80" : "192.0.2.80", 80, scheduler, protocol);
    std::vector<Member> members;
    for (const auto& server : servers)
        members.push_back({add_server(service, server), 1});
    set_pool(service, members);
    return service;
}

std::uint32_t PacketPath::run_program(int program, const Bytes& packet, Bytes* out, void* context,
                                      std::uint32_t context_size) const {
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = packet.data();
    options.data_size_in = static_cast<std::uint32_t>(packet.size());
    options.ctx_in = context;
    options.ctx_size_in = context_size;
    if (out) {
        out->resize(packet.size() + 64);
        options.data_out = out->data();
        options.data_size_out = static_cast<std::uint32_t>(out->size());
    }
    if (const int error = bpf_prog_test_run_opts(program, &options)) fail("test run", error);
    if (out) out->resize(options.data_size_out);
    return options.retval;
}

Outcome PacketPath::run(Hook hook, const Bytes& packet, std::uint32_t ingress) {
    const auto before = verdicts();
    Outcome outcome;
    if (hook == Hook::tc) {
        __sk_buff context{};
        context.ifindex = ingress;
        outcome.action =
            run_program(program(hook), packet, &outcome.packet, &context, sizeof(context));
    } else {
        xdp_md context{};
        context.data_end = static_cast<std::uint32_t>(packet.size());
        context.ingress_ifindex = ingress;
        outcome.action =
            run_program(program(hook), packet, &outcome.packet, &context, sizeof(context));
    }
    for (const auto& [name, count] : verdicts())
        for (auto more = count - before.at(name); more > 0; --more)
            outcome.verdict += (outcome.verdict.empty() ? "" : "+") + name;
    return outcome;
}

Outcome PacketPath::run_aggregate(const Bytes& packet, std::uint32_t segments,
                                  std::uint32_t segment_payload) {
    __sk_buff context{};
    context.gso_segs = segments;
    context.gso_size = segment_payload;
    Outcome outcome;
    outcome.action =
        run_program(program(Hook::tc), packet, &outcome.packet, &context, sizeof(context));
    return outcome;
}

std::uint32_t PacketPath::run_quietly(Hook hook, const Bytes& packet) const {
    return run_program(program(hook), packet, nullptr, nullptr, 0);
}

void PacketPath::set_device(std::uint32_t interface, std::uint32_t mtu, const Mac& mac) const {
    shoal_device device{.interface = interface, .mtu = mtu, .mac = {}, .zero = 0};
    std::ranges::copy(mac, device.mac);
    if (bpf_map_update_elem(map("devices"), &interface, &device, BPF_ANY) != 0)
        throw std::runtime_error("no room for a device");
}

int PacketPath::program(Hook hook) const {
    return bpf_program__fd(hook == Hook::tc ? tc_->progs.shoal_tc : xdp_->progs.shoal_xdp);
}

int PacketPath::program(const char* name) const {
    const bpf_program* found = bpf_object__find_program_by_name(tc_->obj, name);
    if (!found) found = bpf_object__find_program_by_name(xdp_->obj, name);
    if (!found) found = programs_->ipv6_program(name);
    if (!found) throw std::runtime_error(std::string("no program ") + name);
    return bpf_program__fd(found);
}

int PacketPath::map(const char* name) const {
    return bpf_object__find_map_fd_by_name(tc_->obj, name);
}

std::uint32_t PacketPath::run_control(int program, std::uint32_t mark) const {
    __sk_buff context{};
    context.mark = mark;
    return run_program(program, Bytes(64), nullptr, &context, sizeof(context));
}

bool PacketPath::sweep() const {
    return run_control(bpf_program__fd(tc_->progs.sweep_now), 0) == 0;
}

std::uint32_t PacketPath::start_sweeper() {
    timer_started_ = true;
    return run_control(bpf_program__fd(tc_->progs.start_sweeper), 0);
}

void PacketPath::age(std::uint32_t seconds) {
    for (auto& connection : connections_)
        if ((connection.word & SHOAL_WORD_STATE_MASK) != SHOAL_STATE_ADDRESSES)
            connection.seen -= seconds * settings_->hz;
}

std::map<std::string, std::uint64_t> PacketPath::verdicts() const {
    std::map<std::string, std::uint64_t> result;
    std::vector<std::uint64_t> values(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    for (std::uint32_t verdict = 0; verdict < SHOAL_VERDICT_COUNT; ++verdict) {
        bpf_map_lookup_elem(bpf_map__fd(tc_->maps.verdicts), &verdict, values.data());
        result[verdict_names[verdict]] = std::accumulate(values.begin(), values.end(), 0ULL);
    }
    return result;
}

shoal_counters PacketPath::sum_counters(const bpf_map* map, std::uint32_t index) const {
    std::vector<shoal_counters> values(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    bpf_map_lookup_elem(bpf_map__fd(map), &index, values.data());
    shoal_counters sum{};
    for (const auto& value : values) {
        sum.connections += value.connections;
        sum.packets_in += value.packets_in;
        sum.packets_out += value.packets_out;
        sum.bytes_in += value.bytes_in;
        sum.bytes_out += value.bytes_out;
    }
    return sum;
}

shoal_counters PacketPath::service_counters(std::uint32_t service) const {
    return sum_counters(tc_->maps.service_counters, service);
}

shoal_counters PacketPath::server_counters(std::uint32_t server) const {
    return sum_counters(tc_->maps.server_counters, server);
}

std::uint32_t PacketPath::active(std::uint32_t server) const {
    return static_cast<std::uint32_t>(shoal_active(loads_[server].load));
}

std::uint32_t PacketPath::inactive(std::uint32_t server) const {
    return static_cast<std::uint32_t>(shoal_inactive(loads_[server].load));
}

std::vector<const shoal_connection*> PacketPath::live() const {
    std::vector<const shoal_connection*> result;
    for (const auto& connection : connections_)
        if (connection.protocol != 0 && (connection.word & SHOAL_WORD_STATE_MASK) < SHOAL_STATES)
            result.push_back(&connection);
    return result;
}

PacketPath::Addresses PacketPath::addresses_of(const shoal_connection& connection) const {
    if ((connection.word & SHOAL_WORD_IPV6) == 0)
        return {text_of(&connection.client_address, false),
                text_of(&connection.virtual_address, false),
                text_of(&connection.real_address, false)};
    shoal_addresses addresses{};
    std::memcpy(&addresses, &connections_[connection.address_cell], sizeof(addresses));
    return {text_of(addresses.client_address, true), text_of(addresses.virtual_address, true),
            text_of(addresses.real_address, true)};
}

shoal_connection& PacketPath::only_connection() const {
    const auto all = live();
    if (all.size() != 1)
        throw std::runtime_error(std::to_string(all.size()) + " connections instead of one");
    return connections_[static_cast<std::size_t>(all.front() - connections_.data())];
}

std::size_t PacketPath::overflow_entries() const {
    std::size_t count = 0;
    const int fd = bpf_map__fd(tc_->maps.overflow);
    shoal_overflow_key key{};
    for (int error = bpf_map_get_next_key(fd, nullptr, &key); error == 0;
         error = bpf_map_get_next_key(fd, &key, &key))
        ++count;
    return count;
}

std::uint32_t PacketPath::free_cells() const {
    std::vector<shoal_free_batch> batches(static_cast<std::size_t>(libbpf_num_possible_cpus()));
    // Per-CPU values are padded to eight bytes in what the kernel hands out.
    constexpr std::size_t stride = (sizeof(shoal_free_batch) + 7) / 8 * 8;
    Bytes raw(stride * batches.size());
    const std::uint32_t zero = 0;
    bpf_map_lookup_elem(bpf_map__fd(tc_->maps.free_batch), &zero, raw.data());
    std::uint32_t count = ring_->written - ring_->head;
    for (std::size_t cpu = 0; cpu < batches.size(); ++cpu) {
        std::memcpy(&batches[cpu], raw.data() + cpu * stride, sizeof(shoal_free_batch));
        count += batches[cpu].count;
    }
    return count;
}

}  // namespace shoal::dataplane::testing
