#pragma once

#include <optional>

#include "dataplane/bpf/check_filters.h"
#include "dataplane/bpf/check_programs.h"
#include "dataplane/check_ways.h"

namespace shoal::dataplane {

/// By the programs of bpf/check_way.h, which are loaded when they are first needed. Nothing of them
/// is pinned: a check ends with the process that runs it, and the next one replaces the filters.
class BpfCheckWays final : public CheckWays {
  public:
    Result<void> serve(const CheckPlaces& places) override;
    Result<std::uint64_t> lead(int socket, const net::Address& real_server,
                               const ClientWay& way) override;
    std::uint64_t end(std::uint64_t lead) override;

  private:
    Result<void> load(const CheckPlaces& places);
    std::vector<CheckFilter> filters(const CheckPlaces& places) const;

    std::optional<CheckPrograms> ipv4_;
    std::optional<CheckPrograms> ipv6_;
    /// Nothing is served, and nothing of an earlier process is left.
    bool clean_ = false;
};

}  // namespace shoal::dataplane
