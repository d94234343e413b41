#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/bpf/bpf_check_ways.h"
#include "dataplane/bpf/pin_directory.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

struct TableSizes;

struct BpfOptions {
    /// Its parent is on a BPF file system. One data plane per directory.
    std::filesystem::path pin_directory = "/sys/fs/bpf/shoal";
    /// Of a table that is created; one that is found keeps its size until SetTableSize. A power of
    /// two from 2^10 to 2^24.
    std::uint32_t table_size = 1U << 20;
    /// How many a data plane that is created is for. One that is found keeps its room: for as many
    /// as usual (SHOAL_USUAL_SERVICES and _SERVERS), or, made for more than these, the most.
    std::size_t virtual_servers = 0;
    std::size_t real_servers = 0;
    /// Fragments that overtake the first one of their datagram wait for it for up to 50 ms; else
    /// they are dropped. One data plane of a network namespace can do it.
    bool hold_fragments = false;
};

/// The packet path in BPF, pinned, so that it goes on when this process ends. Hooks are those of
/// the network namespace of the calling thread. Not safe for use by several threads.
class BpfDataplane final : public Dataplane {
  public:
    /// Takes over what runs under the pin directory, or creates it. Needs CAP_BPF, CAP_NET_ADMIN
    /// and CAP_PERFMON. Fails where the pinned maps are of another version.
    static Result<std::unique_ptr<BpfDataplane>> open(const BpfOptions& options);
    ~BpfDataplane() override;

    bool adopted() const override;
    Result<State> observe() override;
    std::vector<Result<void>> apply_all(std::span<const Operation> operations) override;
    Result<void> set_next_hop(const net::Address& real_server, const NextHop& hop) override;
    void invalidate_client_next_hops() override;
    Result<Statistics> statistics() override;
    Result<ConnectionPage> connections(const ConnectionFilter& filter, std::uint32_t from,
                                       std::uint32_t scan) override;
    Result<std::uint64_t> begin_trace(const TraceFilter& filter) override;
    Result<TracePage> read_trace(std::uint64_t trace) override;
    void end_trace(std::uint64_t trace) override;
    Result<Explanation> explain(const PacketQuestion& question) override;
    int signal_descriptor() const override;
    std::vector<Signal> take_signals() override;
    CheckWays& check_ways() override { return check_ways_; }
    Result<Work> advance() override;
    /// Afterwards every other call fails. May be repeated, whether it failed or not.
    Result<void> withdraw() override;

    /// Compares the connections in the table with the counts that the schedulers use: one sentence
    /// per difference. Only at rest is there none for certain.
    Result<std::vector<std::string>> self_check();

  private:
    struct Parts;
    struct ApplyOne;
    explicit BpfDataplane(std::unique_ptr<Parts> parts);

    static Result<std::unique_ptr<Parts>> open_parts(PinDirectory pins, TableSizes sizes);
    static Result<std::unique_ptr<BpfDataplane>> open_settled(const PinDirectory& pins,
                                                              TableSizes sizes);
    Result<void> resize(std::uint32_t cells);
    Result<void> settle();
    std::vector<Result<void>> apply_in_turn(std::span<const Operation> operations);
    std::vector<Result<void>> apply_but_ipv6(std::span<const Operation> operations,
                                             const Result<void>& lacking);

    BpfCheckWays check_ways_;
    /// Unset after withdraw().
    std::unique_ptr<Parts> parts_;
};

}  // namespace shoal::dataplane
