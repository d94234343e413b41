#pragma once

#include <set>
#include <string>
#include <utility>

#include "config/difference.h"
#include "config/plan.h"
#include "config/planned_pools.h"
#include "config/running.h"
#include "model/configuration.h"

namespace shoal::config {

/// Says what each difference means for clients, in words and in numbers. All of the arguments must
/// outlive it.
class PlanEffects {
  public:
    PlanEffects(const model::Configuration& present, const model::Configuration& candidate,
                const Running& running, const PlannedPools& pools);

    /// Fills effect, severity, ended_connections and moved of `change`.
    void add_to(Change& change, const Difference& difference) const;

  private:
    /// What the director has: addresses and their devices.
    using Addresses = std::set<std::pair<net::Prefix, std::string>>;
    static Addresses addresses_of(const model::Configuration& configuration);

    void real_server(Change& change, const Difference& difference) const;
    void virtual_server(Change& change, const Difference& difference) const;
    std::string address_words(const Subject& subject) const;
    std::string table_size_words() const;

    const model::Configuration& candidate_;
    const Running& running_;
    const PlannedPools& pools_;
    std::uint32_t table_size_before_;
    Addresses addresses_before_;
    Addresses addresses_after_;
};

}  // namespace shoal::config
