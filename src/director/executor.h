#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "dataplane/dataplane.h"
#include "director/reconcile.h"
#include "director/retry.h"
#include "redundancy/announcements.h"
#include "redundancy/floating_addresses.h"

namespace shoal::director {

/// Performs operations in their order: those of the data plane in batches, which wait for the
/// kernel once, those of addresses one by one. Each is logged, and tried again, by itself.
class Executor {
  public:
    /// Operations of the data plane that are applied together. More where they concern one service,
    /// which changes as a whole.
    static constexpr std::size_t usual_batch = 256;

    /// All three must outlive it.
    Executor(dataplane::Dataplane& dataplane, redundancy::FloatingAddresses& addresses,
             redundancy::Announcements& announcements);

    /// Performs what is due and forgets failures of what is not wanted any more. `drift`: somebody
    /// else changed the kernel, which is worth a line in the log. False where operations are left
    /// for the loop's next turn, because this one took long.
    bool run(const std::vector<Operation>& operations, bool drift);

    Retry& retry() { return retry_; }
    const Retry& retry() const { return retry_; }

  private:
    /// An operation and its name in logs and failures.
    struct Item {
        const Operation* operation;
        std::string description;
    };

    /// How many of `items`, all for the data plane, make the next batch.
    static std::size_t next_batch(std::span<const Item> items);
    void run_batch(std::span<const Item> items, bool drift);
    void perform(const Item& item, bool drift);
    Result<void> add(const redundancy::FloatingAddress& address);
    Result<void> remove(const redundancy::FloatingAddress& address);
    void report(const Item& item, const Result<void>& done, bool drift);
    void log_hooks(std::span<const Item> items);

    dataplane::Dataplane& dataplane_;
    redundancy::FloatingAddresses& addresses_;
    redundancy::Announcements& announcements_;
    Retry retry_;
};

}  // namespace shoal::director
