#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "health/program_runner.h"

namespace shoal::programs {

/// What one program may use.
struct ProgramLimits {
    /// What each process may write to of its own (heap, stacks, since Linux 4.7 all private
    /// mappings), bytes. Not its address space, of which Go and Java reserve much and use little.
    std::uint64_t memory = 256UL << 20;
    /// Processes of this process's user in all, as RLIMIT_NPROC counts them (not of root's).
    std::uint64_t processes = 512;
};

/// One program that runs: no shell, nothing inherited but what the order says, in a session of its
/// own. Single-threaded processes only, since it forks.
class Program {
  public:
    using OnDone = std::function<void(const health::ProgramResult&)>;

    /// `on_done` is called once, from the loop and never from within this call.
    static std::shared_ptr<Program> start(boost::asio::io_context& loop, health::ProgramOrder order,
                                          const ProgramLimits& limits, OnDone on_done);
    virtual ~Program() = default;

    /// 0 where it could not be started.
    virtual pid_t pid() const = 0;
    /// Kills it and all of its process group; ended() follows. Also when it has ended and was not
    /// collected yet: then its number is still its own.
    virtual void kill() = 0;
    /// To be called once, when waitpid() has collected it; `status` as waitpid() gives it. What it
    /// left behind may still hold its output open: nobody waits for that.
    virtual void ended(int status) = 0;
};

}  // namespace shoal::programs
