#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/bpf/tables.h"
#include "dataplane/sight.h"

struct ring_buffer;

namespace shoal::dataplane {

/// The reading end of bpf/trace.h. One trace at a time; it ends by itself where it is not read for
/// a second and a half, so that neither a client that went away nor a dead shoald leaves it on.
class Tracer {
  public:
    /// `tables` outlives it, or the next trace_at().
    explicit Tracer(const Tables& tables);
    ~Tracer();
    Tracer(const Tracer&) = delete;
    Tracer& operator=(const Tracer&) = delete;

    /// The number to read with. Fails while another trace goes on.
    Result<std::uint64_t> begin(const TraceFilter& filter);
    /// What came since the last call; prolongs the trace.
    Result<TracePage> read(std::uint64_t trace);
    void end(std::uint64_t trace);
    /// From now on packets pass by the programs of these tables; both outlive it, or the next call.
    /// What goes on meanwhile goes on. `former` may be null.
    void trace_at(const Tables& tables, const Tables* former);

  private:
    static int take(void* self, void* data, std::size_t size);
    std::vector<shoal_trace_event> consume();
    Result<std::uint64_t> left_out() const;
    void prolong();
    /// In nanoseconds of CLOCK_MONOTONIC; 0: not at all.
    void trace_until(std::uint64_t end) const;

    struct FreeRing {
        void operator()(ring_buffer* ring) const;
    };

    const Tables* tables_;
    /// Of which connections are moving to `tables_`; null if none.
    const Tables* former_ = nullptr;
    std::unique_ptr<ring_buffer, FreeRing> ring_;
    std::vector<shoal_trace_event> taken_;
    std::uint64_t current_ = 0;
    TimePoint last_read_{};
    std::uint64_t left_out_before_ = 0;
};

/// Fails where the filter asks for what there is not.
Result<shoal_trace_filter> to_abi(const TraceFilter& filter);

}  // namespace shoal::dataplane
