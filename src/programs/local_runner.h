#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <map>
#include <memory>

#include "programs/program.h"

namespace shoal::programs {

struct RunnerOptions {
    ProgramLimits limits{};
    /// At the same time; what comes beyond waits.
    std::size_t most_running = 128;
    /// Orders that wait; what comes beyond is not run.
    std::size_t most_waiting = 10'000;
};

/// Runs programs as children of this process, of which there may be no others: it collects all of
/// them, and whatever a program leaves behind becomes a child too (PR_SET_CHILD_SUBREAPER) and is
/// killed. An order that waits longer than its own time limit is not run.
class LocalRunner final : public health::ProgramRunner {
  public:
    explicit LocalRunner(boost::asio::io_context& loop, RunnerOptions options = {});
    /// Kills what runs.
    ~LocalRunner() override;

    void run(health::ProgramOrder order, OnDone on_done) override;

  private:
    struct Waiting {
        health::ProgramOrder order;
        OnDone on_done;
        /// Until its time is over.
        boost::asio::steady_timer timer;
    };
    /// Each is held by its place here alone.
    using Queue = std::list<std::shared_ptr<Waiting>>;

    /// Ends it when it has waited too long, whether or not a program ends meanwhile.
    void limit_waiting(Queue::iterator place);
    void expire(Waiting& waiting);
    void start_waiting();
    void start(Waiting& next);
    void refuse(OnDone on_done, std::string reason);
    void wait_for_children();
    void collect();
    void kill_strays();
    bool belongs_to_running(pid_t child) const;

    boost::asio::io_context& loop_;
    RunnerOptions options_;
    boost::asio::signal_set children_;
    Queue waiting_;
    std::map<pid_t, std::shared_ptr<Program>> running_;
};

}  // namespace shoal::programs
