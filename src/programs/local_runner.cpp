#include "programs/local_runner.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <csignal>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

namespace shoal::programs {

namespace {

/// From /proc (CONFIG_PROC_CHILDREN): of a process with one thread all of its children.
std::vector<pid_t> children_of_this_process() {
    std::ifstream file(fmt::format("/proc/self/task/{}/children", ::getpid()));
    std::vector<pid_t> children;
    for (pid_t child = 0; file >> child;)
        children.push_back(child);
    return children;
}

}  // namespace

LocalRunner::LocalRunner(boost::asio::io_context& loop, RunnerOptions options)
    : loop_(loop), options_(options), children_(loop, SIGCHLD) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    wait_for_children();
}

LocalRunner::~LocalRunner() {
    for (const auto& [pid, program] : running_) {
        program->kill();
        ::waitpid(pid, nullptr, 0);
    }
    running_.clear();
    kill_strays();
}

void LocalRunner::run(health::ProgramOrder order, OnDone on_done) {
    if (waiting_.size() >= options_.most_waiting) {
        refuse(std::move(on_done), "too many programs wait for their turn");
        return;
    }
    const auto timeout = order.timeout;
    waiting_.push_back(std::make_shared<Waiting>(std::move(order), std::move(on_done),
                                                 boost::asio::steady_timer(loop_, timeout)));
    limit_waiting(std::prev(waiting_.end()));
    start_waiting();
}

void LocalRunner::limit_waiting(Queue::iterator place) {
    (*place)->timer.async_wait(
        [this, place, weak = std::weak_ptr(*place)](const boost::system::error_code& error) {
            const auto waiting = weak.lock();
            if (error || !waiting) return;
            waiting_.erase(place);
            expire(*waiting);
        });
}

void LocalRunner::expire(Waiting& waiting) {
    refuse(std::move(waiting.on_done), "it waited for its turn longer than its time limit");
}

void LocalRunner::start_waiting() {
    while (!waiting_.empty() && running_.size() < options_.most_running) {
        const auto next = std::move(waiting_.front());
        waiting_.pop_front();
        if (Clock::now() > next->timer.expiry())
            expire(*next);
        else
            start(*next);
    }
}

void LocalRunner::start(Waiting& next) {
    auto program =
        Program::start(loop_, std::move(next.order), options_.limits, std::move(next.on_done));
    if (program->pid() > 0) running_.emplace(program->pid(), std::move(program));
}

void LocalRunner::refuse(OnDone on_done, std::string reason) {
    boost::asio::post(loop_, [on_done = std::move(on_done), reason = std::move(reason)] {
        on_done({.end = health::ProgramResult::End::not_asked, .reason = reason});
    });
}

void LocalRunner::wait_for_children() {
    children_.async_wait([this](const boost::system::error_code& error, int) {
        if (error) return;
        wait_for_children();
        collect();
    });
}

void LocalRunner::collect() {
    siginfo_t child{};
    while (::waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0 && child.si_pid > 0) {
        // Others are strays.
        auto program = running_.extract(child.si_pid);
        // As long as it is not collected, no other group can have its number.
        if (program) program.mapped()->kill();
        int status = 0;
        ::waitpid(child.si_pid, &status, 0);
        if (program) program.mapped()->ended(status);
        child.si_pid = 0;
    }
    kill_strays();
    start_waiting();
}

/// What a killed one leaves behind becomes a child in its turn, and its end brings us here again.
void LocalRunner::kill_strays() {
    for (const pid_t child : children_of_this_process())
        if (!belongs_to_running(child)) ::kill(child, SIGKILL);
}

/// By its session, which is named after the process that began it.
bool LocalRunner::belongs_to_running(pid_t child) const {
    return running_.contains(child) || running_.contains(::getsid(child));
}

}  // namespace shoal::programs
