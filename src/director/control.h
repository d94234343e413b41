#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"
#include "dataplane/dataplane.h"
#include "model/status.h"

namespace shoal::director {

/// What the API may ask of a running director. Implemented by Controller; all calls are made on
/// shoald's loop.
class Control {
  public:
    virtual ~Control() = default;

    virtual Result<model::DirectorStatus> status() = 0;
    virtual Result<dataplane::ConnectionPage> connections(const dataplane::ConnectionFilter& filter,
                                                          std::uint32_t from,
                                                          std::uint32_t scan) = 0;
    // As Dataplane's.
    virtual Result<std::uint64_t> begin_trace(const dataplane::TraceFilter& filter) = 0;
    virtual Result<dataplane::TracePage> read_trace(std::uint64_t trace) = 0;
    virtual void end_trace(std::uint64_t trace) = 0;
    virtual Result<dataplane::Explanation> explain(const dataplane::PacketQuestion& question) = 0;
    /// Puts the configuration `text` in force and writes it to shoald's configuration file, or
    /// changes nothing and says every problem.
    virtual std::expected<void, std::vector<config::Problem>> apply(std::string_view text) = 0;
    /// Withdraws addresses, hooks, pins and sysctls, then ends shoald.
    virtual Result<void> stop() = 0;
};

}  // namespace shoal::director
