#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "health/check_reason.h"
#include "health/check_run.h"
#include "health/check_socket.h"

// Checks by ICMP echo.

namespace shoal::health {

namespace {

class EchoRun final : public CheckRun {
  public:
    using CheckRun::CheckRun;

  private:
    Done start() override;
    CheckResult time_is_up() override {
        return {Outcome::silent, "no answer within " + in_words(timeout())};
    }
    void release() override { tools().echo.forget(std::exchange(ticket_, 0)); }
    void came(EchoSockets::Event event);

    EchoSockets::Ticket ticket_ = 0;
};

CheckRun::Done EchoRun::start() {
    auto sent =
        tools().echo.send(question().address, question().monitor.source,
                          [run = self<EchoRun>()](EchoSockets::Event event) { run->came(event); });
    const auto& source = question().monitor.source;
    // Without a socket bound to it, a foreign source address looks like a missing route.
    if (sent.error_number == ENETUNREACH && source && !is_own_address(*source))
        sent.error_number = EADDRNOTAVAIL;
    if (sent.error_number != 0) return result_of_error(sent.error_number, question());
    ticket_ = sent.ticket;
    if (is_noted()) note(fmt::format("sent an echo request to {}", question().address.to_string()));
    return std::nullopt;
}

void EchoRun::came(EchoSockets::Event event) {
    if (is_over()) return;
    ticket_ = 0;
    if (event == EchoSockets::Event::reply) {
        note("received the echo reply");
        return finish({Outcome::answered, {}});
    }
    finish({Outcome::failed, "a router or the server says that it cannot be reached"});
}

}  // namespace

std::shared_ptr<CheckRun> make_echo_run(CheckTools& tools, CheckOrder order) {
    return std::make_shared<EchoRun>(tools, std::move(order));
}

}  // namespace shoal::health
