#include "programs/local_runner.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "programs/order_format.h"
#include "programs/testing.h"

namespace shoal::programs {
namespace {

/// Nothing here is meant to reach it.
constexpr Milliseconds ample{60'000};

class LocalRunnerTest : public testing::Test {
  protected:
    /// Lets it run, and returns how it ended.
    ProgramResult run(ProgramOrder order) {
        std::optional<ProgramResult> result;
        if (order.timeout == Milliseconds(0)) order.timeout = ample;
        runner_.run(std::move(order), [&](const ProgramResult& ended) { result = ended; });
        EXPECT_FALSE(result) << "never from within the call";
        EXPECT_TRUE(run_until(loop_, [&] { return result.has_value(); }));
        return result.value_or(ProgramResult{});
    }
    ProgramResult run_script(const std::string& lines, Milliseconds timeout = ample) {
        return run({.words = {folder_.script(lines)}, .timeout = timeout});
    }
    /// The process number that a script wrote to `name`, once it did.
    pid_t pid_in(const std::string& name) {
        pid_t pid = 0;
        run_until(loop_, [&] { return bool(std::ifstream(folder_.file(name)) >> pid); });
        return pid;
    }
    bool ends(pid_t pid) {
        return run_until(loop_, [&] { return ::kill(pid, 0) != 0 && errno == ESRCH; });
    }

    Folder folder_;
    boost::asio::io_context loop_;
    LocalRunner runner_{loop_};
};

TEST_F(LocalRunnerTest, output_and_exit_code_are_told) {
    const auto result = run_script("echo OK; echo wrong >&2; exit 3");
    EXPECT_EQ(result.end, End::exited);
    EXPECT_EQ(result.code, 3);
    EXPECT_EQ(result.output, "OK\n");
    EXPECT_EQ(result.reason, "wrong\n");
}

TEST_F(LocalRunnerTest, words_go_to_the_program_as_they_are) {
    const auto script = folder_.script("printf '<%s>' \"$@\"");
    const auto result = run({.words = {script, "a b", "$HOME", "`id`", "*", "", "'"}});
    EXPECT_EQ(result.output, "<a b><$HOME><`id`><*><><'>");
}

TEST_F(LocalRunnerTest, the_environment_is_what_the_order_says_and_no_more) {
    ::setenv("SHOAL_SECRET", "of the parent", 1);
    const auto result =
        run({.words = {"/usr/bin/env"}, .environment = {{"SHOAL_EVENT", "x y"}, {"PATH", "/x"}}});
    EXPECT_EQ(result.output,
              "SHOAL_EVENT=x y\n"
              "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLANG=C\n");
}

TEST_F(LocalRunnerTest, a_program_inherits_no_descriptor_and_reads_nothing) {
    const int held = ::dup(STDOUT_FILENO);
    const auto result = run_script("cat; ls /proc/self/fd | tr '\\n' ' '");
    ::close(held);
    // 3 is the directory that ls reads.
    EXPECT_EQ(result.output, "0 1 2 3 ");
}

TEST_F(LocalRunnerTest, a_program_has_a_session_of_its_own_at_the_root) {
    const auto result = run_script("cut -d' ' -f1,6 /proc/$$/stat; pwd; umask");
    pid_t pid = 0;
    pid_t session = 0;
    std::istringstream(result.output) >> pid >> session;
    EXPECT_GT(pid, 0);
    EXPECT_EQ(pid, session);
    EXPECT_TRUE(result.output.ends_with("\n/\n0022\n")) << result.output;
}

TEST_F(LocalRunnerTest, of_much_output_the_beginning_is_kept_and_the_program_goes_on) {
    const auto result = run_script("head -c 1000000 /dev/zero | tr '\\0' x; echo end >&2");
    EXPECT_EQ(result.end, End::exited);
    EXPECT_EQ(result.output, std::string(longest_output, 'x'));
    EXPECT_EQ(result.reason, "end\n");
}

TEST_F(LocalRunnerTest, much_that_is_written_to_standard_error_is_cut) {
    const auto result = run_script("head -c 300000 /dev/zero | tr '\\0' e >&2; echo OK");
    EXPECT_EQ(result.output, "OK\n");
    EXPECT_EQ(result.reason.size(), longest_complaint);
}

TEST_F(LocalRunnerTest, endless_output_ends_with_the_time_limit) {
    // On a busy machine it may take its time to begin.
    ProgramResult result;
    for (Milliseconds limit{100}; result.output.empty() && limit < ample; limit *= 2) {
        result = run({.words = {"/usr/bin/yes"}, .timeout = limit});
        EXPECT_EQ(result.end, End::timed_out);
    }
    EXPECT_EQ(result.output.size(), longest_output);
}

TEST_F(LocalRunnerTest, a_crash_is_told_with_its_signal) {
    const auto result = run_script("kill -SEGV $$");
    EXPECT_EQ(result.end, End::signalled);
    EXPECT_EQ(result.code, SIGSEGV);
}

TEST_F(LocalRunnerTest, at_the_time_limit_the_whole_group_is_killed) {
    const auto result =
        run_script("trap '' TERM; sleep 1000 & echo $! >" + folder_.file("child") + "; wait",
                   Milliseconds(1000));
    EXPECT_EQ(result.end, End::timed_out);
    // Unless it was so slow that it had not got there.
    pid_t child = 0;
    if (std::ifstream(folder_.file("child")) >> child) {
        EXPECT_TRUE(ends(child));
    }
}

TEST_F(LocalRunnerTest, what_a_program_leaves_behind_is_killed_and_nobody_waits_for_it) {
    const auto result = run_script("sleep 1000 & echo $! >" + folder_.file("child") + "; echo OK");
    EXPECT_EQ(result.end, End::exited);
    EXPECT_EQ(result.output, "OK\n");
    EXPECT_TRUE(ends(pid_in("child")));
}

TEST_F(LocalRunnerTest, what_leaves_its_session_is_killed_too) {
    const auto file = folder_.file("child");
    // Two that escape, one of them by a process in between; the program waits until both did.
    const auto result = run_script("setsid sh -c 'echo $$ >" + file + "1; sleep 1000' &\n" +
                                   "setsid sh -c 'setsid sh -c \"echo \\$\\$ >" + file +
                                   "2; sleep 1000\" & sleep 1000' &\n" + "while [ ! -s " + file +
                                   "1 -o ! -s " + file + "2 ]; do sleep 0.01; done; echo OK");
    EXPECT_EQ(result.output, "OK\n");
    EXPECT_TRUE(ends(pid_in("child1")));
    EXPECT_TRUE(ends(pid_in("child2")));
}

TEST_F(LocalRunnerTest, a_file_that_is_missing_is_told) {
    const auto result = run({.words = {"/nowhere/check"}});
    EXPECT_EQ(result.end, End::not_started);
    EXPECT_EQ(result.reason, "/nowhere/check: no such file, or its interpreter is missing");
}

TEST_F(LocalRunnerTest, a_file_that_cannot_be_executed_is_told) {
    const auto plain = folder_.script("echo OK", 0644);
    auto result = run({.words = {plain}});
    EXPECT_EQ(result.end, End::not_started);
    EXPECT_EQ(result.reason, plain + ": not executable for the user of shoal-run");
    const auto strange = folder_.file("strange");
    std::ofstream(strange) << "neither program nor script";
    ::chmod(strange.c_str(), 0755);
    result = run({.words = {strange}});
    EXPECT_EQ(result.end, End::not_started);
    EXPECT_EQ(result.reason, strange + ": neither a program nor a script with a \"#!\" line");
}

TEST_F(LocalRunnerTest, a_program_gets_no_more_memory_than_allowed) {
    const auto result = run_script("ulimit -d; ulimit -c");
    EXPECT_EQ(result.output, "262144\n0\n");
    // What is only reserved is none: programs in Go and Java reserve far more than they use.
    EXPECT_EQ(run_script("ulimit -v").output, "unlimited\n");
    // dd asks for its whole buffer at once.
    EXPECT_NE(run_script("exec dd if=/dev/zero of=/dev/null bs=512M count=1").code, 0);
    EXPECT_EQ(run_script("exec dd if=/dev/zero of=/dev/null bs=16M count=1").code, 0);
}

TEST_F(LocalRunnerTest, many_run_at_once_and_each_gets_its_own_answer) {
    const auto script = folder_.script("echo $1");
    constexpr int count = 300;
    std::map<int, std::string> outputs;
    for (int number = 0; number < count; ++number)
        runner_.run({.words = {script, std::to_string(number)}, .timeout = ample},
                    [&, number](const ProgramResult& result) { outputs[number] = result.output; });
    ASSERT_TRUE(run_until(loop_, [&] { return outputs.size() == count; }));
    for (const auto& [number, output] : outputs)
        EXPECT_EQ(output, std::to_string(number) + "\n");
}

/// With one place and a queue of one.
class NarrowRunnerTest : public testing::Test {
  protected:
    void run(const std::string& lines, Milliseconds timeout) {
        const auto number = results_.size();
        results_.emplace_back();
        runner_.run({.words = {folder_.script(lines)}, .timeout = timeout},
                    [this, number](const ProgramResult& result) { results_[number] = result; });
    }
    bool ended(std::size_t number) {
        return run_until(loop_, [&] { return results_[number].has_value(); });
    }

    Folder folder_;
    boost::asio::io_context loop_;
    LocalRunner runner_{loop_, {.most_running = 1, .most_waiting = 1}};
    std::vector<std::optional<ProgramResult>> results_;
};

TEST_F(NarrowRunnerTest, who_waits_too_long_is_told_though_nobody_ends) {
    run("sleep 1000", ample);
    run("echo OK", Milliseconds(50));
    ASSERT_TRUE(ended(1));
    EXPECT_EQ(results_[1]->end, End::not_asked);
    EXPECT_EQ(results_[1]->reason, "it waited for its turn longer than its time limit");
    EXPECT_FALSE(results_[0]);
    // Its place in the queue is free again.
    run("echo OK", Milliseconds(50));
    ASSERT_TRUE(ended(2));
    EXPECT_EQ(results_[2]->reason, "it waited for its turn longer than its time limit");
}

TEST_F(NarrowRunnerTest, one_that_is_too_many_is_not_run) {
    run("while [ ! -e " + folder_.file("go") + " ]; do sleep 0.01; done; echo 1", ample);
    run("echo 2", ample);
    run("echo 3", ample);
    ASSERT_TRUE(ended(2));
    EXPECT_EQ(results_[2]->end, End::not_asked);
    EXPECT_EQ(results_[2]->reason, "too many programs wait for their turn");
    EXPECT_FALSE(results_[0]);
    std::ofstream(folder_.file("go")) << "!";
    ASSERT_TRUE(ended(1));
    EXPECT_EQ(results_[0]->output, "1\n");
    EXPECT_EQ(results_[1]->output, "2\n");
}

TEST_F(NarrowRunnerTest, one_that_waited_longer_than_its_time_limit_is_not_run) {
    run("sleep 1000", Milliseconds(100));
    run("echo 2", Milliseconds(1));
    ASSERT_TRUE(ended(0) && ended(1));
    EXPECT_EQ(results_[0]->end, End::timed_out);
    EXPECT_EQ(results_[1]->end, End::not_asked);
}

/// In a process of its own, as a user of its own: root's processes are not counted.
int bomb_as_another_user(const std::string& script) {
    constexpr uid_t nobody_else = 54'321;
    if (::setresgid(nobody_else, nobody_else, nobody_else) != 0 ||
        ::setresuid(nobody_else, nobody_else, nobody_else) != 0)
        return 2;
    boost::asio::io_context loop;
    LocalRunner runner(loop, {.limits = {.processes = 24}});
    std::optional<ProgramResult> result;
    runner.run({.words = {script}, .timeout = Milliseconds(500)},
               [&](const ProgramResult& ended) { result = ended; });
    if (!run_until(loop, [&] { return result.has_value(); })) return 3;
    const auto children = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
    const bool gone = run_until(loop, [&] {
        pid_t child = 0;
        return !(std::ifstream(children) >> child);
    });
    return gone ? 0 : 4;
}

TEST(local_runner, a_fork_bomb_is_kept_small_and_ends) {
    Folder folder;
    const auto script = folder.script("bomb() { bomb | bomb & }; bomb; sleep 1000");
    const pid_t child = ::fork();
    if (child == 0) ::_exit(bomb_as_another_user(script));
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(local_runner, what_runs_ends_with_the_runner) {
    Folder folder;
    boost::asio::io_context loop;
    pid_t pid = 0;
    {
        LocalRunner runner(loop);
        runner.run({.words = {folder.script("echo $$ >" + folder.file("pid") + "; sleep 1000")},
                    .timeout = ample},
                   [](const ProgramResult&) { FAIL() << "the runner is gone"; });
        ASSERT_TRUE(
            run_until(loop, [&] { return bool(std::ifstream(folder.file("pid")) >> pid); }));
    }
    // A child that was not collected would still be there.
    while (::waitpid(-1, nullptr, 0) > 0)
        continue;
    EXPECT_EQ(::kill(pid, 0), -1);
}

}  // namespace
}  // namespace shoal::programs
