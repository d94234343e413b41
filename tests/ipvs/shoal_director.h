#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/bpf/bpf_dataplane.h"
#include "kernel_ipvs.h"
#include "wire.h"

namespace shoal::ipvs {

/// Shoal's data plane as shoald drives it, but fed with packets by BPF_PROG_TEST_RUN instead of by
/// a device. Throws std::runtime_error where an operation fails.
class ShoalDirector {
  public:
    /// Made when first asked for, and common to all tests: loading it takes seconds in an emulated
    /// machine.
    static ShoalDirector& of_this_process();
    explicit ShoalDirector(const std::string& pin_directory);
    ~ShoalDirector();
    ShoalDirector(const ShoalDirector&) = delete;
    ShoalDirector& operator=(const ShoalDirector&) = delete;

    void apply(std::span<const dataplane::Operation> operations);
    /// Of real servers that are not among those of network.sh; before they are added.
    void set_next_hop(const net::Address& server, const net::NextHop& hop);
    /// In list order, newest first.
    std::vector<ListedServer> servers(const dataplane::ServiceKey& service);
    /// Of these virtual addresses, without templates; sorted.
    std::vector<ListedConnection> connections(std::span<const net::Prefix> virtual_addresses);
    /// Sorted.
    std::vector<ListedTemplate> templates(const dataplane::ServiceKey& service);
    /// Packets that fared so.
    std::uint64_t count_of(std::string_view verdict);
    /// What is wrong with its counts.
    std::vector<std::string> self_check();

    Fate from_client(const Bytes& frame);
    Fate from_server(const Bytes& frame);

  private:
    struct Ran {
        std::uint32_t action = 0;
        Bytes frame;
    };
    Ran run(const Bytes& frame, const char* device) const;
    void announce_next_hop(const net::Address& server);

    std::unique_ptr<dataplane::BpfDataplane> dataplane_;
    int program_ = -1;
    std::set<net::Address> known_hops_;
};

}  // namespace shoal::ipvs
