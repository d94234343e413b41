#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "health/loads/load_reading.h"
#include "health/loads/rstat_asker.h"
#include "health/loads/text_asker.h"
#include "health/program_runner.h"
#include "model/monitor.h"
#include "net/address.h"

namespace shoal::health {

/// Where a load comes from. Targets with the same question share its answers.
struct LoadQuestion {
    model::LoadTool tool = model::LoadTool::none;
    net::Address address;
    /// 0: the tool's own.
    std::uint16_t port = 0;
    /// Of http.
    std::string path{};
    std::string value{};
    /// Of a program, for this real server.
    std::vector<std::string> words{};
    Milliseconds interval{};
    auto operator<=>(const LoadQuestion&) const = default;

    /// How long an answer may take.
    Milliseconds timeout() const;
    /// How old a load may become before it counts as lost.
    Milliseconds stale_after() const;
};

/// Asks for loads by every tool but ruptime, which is listened to.
class LoadAsker {
  public:
    /// `runner`: null where no programs can be run.
    LoadAsker(boost::asio::io_context& loop, ProgramRunner* runner)
        : loop_(loop), runner_(runner), rstat_(loop) {}

    /// `on_reading` is called once, from the loop and never from within this call. What is returned
    /// must be kept until then; without it the question is given up.
    std::shared_ptr<void> ask(const LoadQuestion& question, OnReading on_reading);

  private:
    std::shared_ptr<void> ask_text(const LoadQuestion& question, OnReading on_reading);
    std::shared_ptr<void> ask_rstat(const LoadQuestion& question, OnReading on_reading);
    std::shared_ptr<void> run_program(const LoadQuestion& question, OnReading on_reading);

    boost::asio::io_context& loop_;
    ProgramRunner* runner_;
    RstatAsker rstat_;
};

}  // namespace shoal::health
