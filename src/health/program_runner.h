#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"

// Administrators' programs: for checks, loads and notifications. What runs them is a process
// without rights (src/programs); here stands only what is asked of it.

namespace shoal::health {

struct ProgramOrder {
    /// The program's absolute path, and its arguments.
    std::vector<std::string> words;
    /// Above 0. The program is killed then, with all that it started.
    Milliseconds timeout{};
    /// Beside PATH and LANG; nothing else is inherited.
    std::map<std::string, std::string> environment{};
};

struct ProgramResult {
    enum class End {
        exited,
        /// By a signal that was not the time limit's.
        signalled,
        timed_out,
        /// There is no such file, or it cannot be executed.
        not_started,
        /// Nothing could run it: this says nothing of the program, nor of the server that it asks.
        not_asked,
    };
    End end = End::not_asked;
    /// The exit code or the number of the signal.
    int code = 0;
    /// What it wrote to standard output, at most 4096 bytes.
    std::string output{};
    /// In plain words, why it was not started or not asked; else what it wrote to standard error,
    /// at most 1024 bytes.
    std::string reason{};
};

class ProgramRunner {
  public:
    using OnDone = std::function<void(const ProgramResult&)>;

    virtual ~ProgramRunner() = default;
    /// `on_done` is called once, from the loop and never from within this call. It cannot be taken
    /// back: who may be gone by then gives a callback that knows. It is not called any more once
    /// the runner is gone.
    virtual void run(ProgramOrder order, OnDone on_done) = 0;
};

}  // namespace shoal::health
