#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "health/check_reason.h"
#include "health/check_run.h"
#include "health/program_check.h"
#include "health/program_runner.h"

// Checks by a Sending program.

namespace shoal::health {

namespace {

/// How much longer than the program's own time limit its runner may take to say that it is over.
constexpr Milliseconds runner_allowance{1000};

class ProgramRun final : public CheckRun {
  public:
    ProgramRun(CheckTools& tools, CheckOrder order)
        : CheckRun(tools, std::move(order), runner_allowance) {}

  private:
    Done start() override;
    CheckResult time_is_up() override {
        return {Outcome::not_asked, "the director cannot check: whoever runs programs is silent"};
    }
    void release() override {}
    void ended(const ProgramResult& result);
};

CheckRun::Done ProgramRun::start() {
    if (!tools().programs)
        return CheckResult{Outcome::not_asked, "the director cannot check: nobody runs programs"};
    const auto& monitor = question().monitor;
    auto words = words_for(monitor.sending_program, question());
    if (is_noted()) note(fmt::format("running {}", fmt::join(words, " ")));
    tools().programs->run({.words = std::move(words), .timeout = timeout()},
                          [weak = std::weak_ptr(self<ProgramRun>())](const ProgramResult& result) {
                              if (const auto run = weak.lock()) run->ended(result);
                          });
    return std::nullopt;
}

void ProgramRun::ended(const ProgramResult& result) {
    if (is_over()) return;
    if (is_noted()) {
        const auto end = describe_end(result);
        note(end.empty() ? "ended with code 0" : end);
    }
    note_bytes("it wrote", result.output);
    const auto& monitor = question().monitor;
    auto verdict = judge_program(result, monitor.expect, monitor.expect_pattern);
    verdict.heard = result.output;
    finish(std::move(verdict));
}

}  // namespace

std::shared_ptr<CheckRun> make_program_run(CheckTools& tools, CheckOrder order) {
    return std::make_shared<ProgramRun>(tools, std::move(order));
}

}  // namespace shoal::health
