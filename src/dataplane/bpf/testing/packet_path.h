#pragma once

#include <sched.h>

#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "abi.h"
#include "dataplane/bpf/pool.h"
#include "dataplane/bpf/testing/loaded_programs.h"
#include "dataplane/bpf/testing/packet_builder.h"

struct bpf_map;
struct bpf_object;

// The loaded packet path without shoald: the programs on one set of small maps, which the test
// fills itself, run by BPF_PROG_TEST_RUN. Those of IPv6 are loaded with its first address. Needs
// root. Throws std::runtime_error where the kernel refuses; a test cannot go on then.

namespace shoal::dataplane::testing {

enum class Hook { tc, xdp };
std::string to_string(Hook hook);

/// For GoogleTest's messages.
inline void PrintTo(Hook hook, std::ostream* out) {
    *out << to_string(hook);
}

/// What the programs return.
inline constexpr std::uint32_t tc_unspec = 0xffffffff;
inline constexpr std::uint32_t tc_shot = 2;
inline constexpr std::uint32_t tc_redirect = 7;
inline constexpr std::uint32_t xdp_drop = 1;
inline constexpr std::uint32_t xdp_pass = 2;
inline constexpr std::uint32_t xdp_tx = 3;
inline constexpr std::uint32_t xdp_redirect = 4;

/// Test runs see every packet come in by the loopback device unless told otherwise.
inline constexpr std::uint32_t loopback = 1;
/// A device number that only ever stands in redirections.
inline constexpr std::uint32_t elsewhere = 7;

inline constexpr Mac server_mac{0x02, 0, 0, 0, 0, 0x10};
inline constexpr Mac director_mac{0x02, 0, 0, 0, 0, 0x20};

struct Outcome {
    std::uint32_t action = 0;
    Bytes packet;
    /// The one verdict that was counted; several or none: their names joined by '+'.
    std::string verdict;
};

struct RealServer {
    std::string address;
    std::uint16_t port = 80;
    shoal_method method = SHOAL_METHOD_NAT;
    std::uint32_t interface = elsewhere;
    bool mac_known = true;
    shoal_tunnel tunnel = SHOAL_TUNNEL_IPIP;
    /// 0: not known.
    std::uint32_t mtu = 0;
    /// It is the director itself.
    bool local = false;
};

/// Of every tunnel.
inline constexpr char tunnel_source[] = "10.0.0.254";
inline constexpr char tunnel_source_v6[] = "2001:db8:a::fe";
inline constexpr std::uint16_t tunnel_port = 6080;

using Member = PoolMember;

class PacketPath {
  public:
    /// A power of two, at least 64.
    explicit PacketPath(std::uint32_t cells = 4096);
    ~PacketPath();
    PacketPath(const PacketPath&) = delete;
    PacketPath& operator=(const PacketPath&) = delete;

    std::uint32_t add_service(const std::string& address, std::uint16_t port,
                              shoal_scheduler scheduler, std::uint8_t protocol = 6);
    std::uint32_t add_server(std::uint32_t service, const RealServer& server);
    /// Swaps in a pool in this order, as shoald does after one change.
    void set_pool(std::uint32_t service, const std::vector<Member>& members);
    /// Takes loads, thresholds and baselines that the test has written into the pool.
    void refresh(std::uint32_t service) const;
    /// The nodes of the current pool, shared with the packet path.
    std::span<const shoal_pool_node> nodes(std::uint32_t service) const;
    /// One service of one scheduler at 192.0.2.80:80, or at [2001:db8:80::80]:80 where the servers
    /// are of IPv6, with these servers, all of weight 1.
    std::uint32_t serve(const std::vector<RealServer>& servers,
                        shoal_scheduler scheduler = SHOAL_SCHEDULER_RR, std::uint8_t protocol = 6);

    Outcome run(Hook hook, const Bytes& packet, std::uint32_t ingress = loopback);
    /// At tc, as one packet that stands for `segments`.
    Outcome run_aggregate(const Bytes& packet, std::uint32_t segments,
                          std::uint32_t segment_payload = 1);
    Outcome run(Hook hook, const PacketBuilder& packet) { return run(hook, packet.build()); }
    /// Only the action: no bookkeeping, may be called by several threads at once.
    std::uint32_t run_quietly(Hook hook, const Bytes& packet) const;

    /// One whole round of the sweeper; false where one was under way already.
    bool sweep() const;
    /// Lets every connection look `seconds` older.
    void age(std::uint32_t seconds);
    /// Starts the sweeper's timer; the program's own return value.
    std::uint32_t start_sweeper();

    std::map<std::string, std::uint64_t> verdicts() const;
    shoal_counters service_counters(std::uint32_t service) const;
    shoal_counters server_counters(std::uint32_t server) const;
    std::uint32_t active(std::uint32_t server) const;
    std::uint32_t inactive(std::uint32_t server) const;

    std::span<shoal_connection> connections() const { return connections_; }
    std::span<shoal_bucket> buckets() const { return buckets_; }
    /// Those that are counted.
    std::vector<const shoal_connection*> live() const;
    /// In words, of a connection of either family.
    struct Addresses {
        std::string client;
        std::string virtual_server;
        std::string real_server;
    };
    Addresses addresses_of(const shoal_connection& connection) const;
    /// The only one that is counted; throws if there are more or none.
    shoal_connection& only_connection() const;
    std::size_t overflow_entries() const;
    /// In the ring, resting in it, or in a CPU's batch.
    std::uint32_t free_cells() const;
    std::uint32_t cells() const { return static_cast<std::uint32_t>(connections_.size()); }

    shoal_settings& settings() const { return *settings_; }
    shoal_sweeper& sweeper() const { return *sweeper_; }
    shoal_server& server(std::uint32_t index) const { return servers_[index]; }
    /// Where the test writes to it, refresh() is due.
    __u64& load(std::uint32_t index) const { return loads_[index].load; }
    shoal_server_load& load_record(std::uint32_t index) const { return loads_[index]; }
    shoal_service& service(std::uint32_t index) const { return services_[index]; }
    union shoal_cursor& cursor(std::uint32_t service) const { return cursors_[service]; }
    void set_filter_bit(bool virtual_bits, const std::string& address);

    /// What XDP knows of a device; at first every device has the MAC 0 and takes 1500 bytes.
    void set_device(std::uint32_t interface, std::uint32_t mtu, const Mac& mac = {}) const;

    int program(Hook hook) const;
    /// Any of the programs, by its name.
    int program(const char* name) const;
    /// The descriptor of a map, by its name.
    int map(const char* name) const;

  private:
    void load_ipv6();
    void put_address(__be32 (&field)[4], const std::string& text);
    void fill_tables(std::uint32_t cells);
    std::uint32_t run_program(int program, const Bytes& packet, Bytes* out, void* context,
                              std::uint32_t context_size) const;
    void move_cursor(std::uint32_t service, const Pool& before, const Pool& after) const;
    std::uint32_t run_control(int program, std::uint32_t mark) const;
    shoal_counters sum_counters(const bpf_map* map, std::uint32_t index) const;

    std::unique_ptr<LoadedPrograms> programs_;
    director_tc* tc_;
    director_xdp* xdp_;
    bool timer_started_ = false;
    /// Of the thread, before a test calls pin_to_cpu().
    cpu_set_t cpus_{};
    shoal_settings* settings_ = nullptr;
    shoal_address_filter* filter_ = nullptr;
    shoal_sweeper* sweeper_ = nullptr;
    shoal_free_ring* ring_ = nullptr;
    std::span<shoal_connection> connections_;
    std::span<shoal_bucket> buckets_;
    std::span<shoal_server> servers_;
    std::span<shoal_server_detail> details_;
    std::span<shoal_service> services_;
    std::span<shoal_server_load> loads_;
    std::span<union shoal_cursor> cursors_;
    struct CurrentPool {
        Pool pool;
        std::span<shoal_pool_node> nodes;
    };
    std::map<std::uint32_t, CurrentPool> pools_;
    std::uint32_t next_service_ = 0;
    std::uint32_t next_server_ = 0;
};

/// The calling thread runs on this CPU alone until its PacketPath goes. Free cells lie in per-CPU
/// batches, so a test that counts on the last of them must not wander.
void pin_to_cpu(unsigned cpu);

}  // namespace shoal::dataplane::testing
