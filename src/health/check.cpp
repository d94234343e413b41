#include "health/check.h"

#include <utility>

#include "health/check_run.h"

namespace shoal::health {

namespace {

std::shared_ptr<CheckRun> make_run(CheckTools& tools, CheckOrder order) {
    switch (order.question->monitor.type) {
        case model::MonitorType::icmp:
            return make_echo_run(tools, std::move(order));
        case model::MonitorType::program:
            return make_program_run(tools, std::move(order));
        default:
            return make_socket_run(tools, std::move(order));
    }
}

}  // namespace

Check::Check(CheckTools& tools, std::shared_ptr<const Question> question, Milliseconds timeout,
             OnDone on_done, std::shared_ptr<Transcript> transcript)
    : run_(make_run(tools,
                    {std::move(question), timeout, std::move(on_done), std::move(transcript)})) {
    run_->begin();
}

Check::~Check() {
    run_->give_up();
}

}  // namespace shoal::health
