#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <utility>

#include "health/check_reason.h"
#include "health/check_run.h"
#include "health/check_socket.h"
#include "health/tls_session.h"

// Checks over TCP, TLS and UDP.

namespace shoal::health {

namespace asio = boost::asio;
using model::MonitorType;

namespace {

/// What ends where bytes may flow, whether by TLS or not.
using Flow = TlsSession::End;

bool speaks_tls(const model::Monitor& monitor) {
    return monitor.type == MonitorType::https || monitor.type == MonitorType::tls || monitor.tls;
}

/// A port that only has to open, or a handshake: nothing is said then.
bool has_exchange(const model::Monitor& monitor) {
    if (monitor.type == MonitorType::tls) return false;
    return monitor.type != MonitorType::text || !monitor.send.empty() || !monitor.expect.empty() ||
           !monitor.expect_pattern.empty();
}

/// Bytes of a segment: with any tunnel's headers it fits where IPv6 does (RFC 8200, 5).
constexpr int most_in_tunnel = 1140;

/// "10.11.12.1", or "192.0.2.80 on 10.11.12.1 by direct routing"
std::string whom(const Question& question) {
    const auto server = question.address.to_string();
    if (!question.way) return server;
    const bool direct = question.way->method == model::ForwardingMethod::direct;
    return fmt::format("{} on {} by {}", question.way->virtual_address.to_string(), server,
                       direct ? "direct routing" : "tunneling");
}

/// Advances as far as it can each time the socket or the timer wakes it.
class SocketRun final : public CheckRun {
  public:
    SocketRun(CheckTools& tools, CheckOrder order)
        : CheckRun(tools, std::move(order)),
          udp_(question().protocol == model::Protocol::udp),
          descriptor_(tools.loop) {}

  private:
    enum class Phase { connecting, handshaking, exchanging };

    Done start() override;
    CheckResult time_is_up() override;
    void release() override;
    CheckResult review(CheckResult result) override;
    CheckResult failed(int error_number);

    bool prepare_exchange();
    Done lead(int socket);
    Done prepare_tls(int socket);
    Done connect(int socket);
    void wait();
    void woken();

    /// Each does what is possible without waiting, and has a result if that decides.
    Done advance();
    Done finish_connecting();
    int connect_again();
    Done shake_hands();
    Done begin_exchange();
    Done send_more();
    Done receive_more();
    Done take(Exchange::Step step);
    Done receive_once();

    Flow write(std::string_view bytes, std::size_t& count);
    Flow read(char* buffer, std::size_t size, std::size_t& count);
    /// Of a `failed` flow.
    CheckResult failure();
    CheckResult with_heard(CheckResult result) const;
    std::string heard() const {
        return exchange_ ? std::string(exchange_->heard()) : std::string();
    }

    bool udp_;
    asio::posix::stream_descriptor descriptor_;
    Phase phase_ = Phase::connecting;
    Flow waits_for_ = Flow::wants_write;
    int error_number_ = 0;
    std::unique_ptr<TlsSession> tls_;
    std::unique_ptr<Exchange> exchange_;
    std::string to_send_;
    std::size_t sent_ = 0;
    /// An empty datagram is also one: it is what finds a closed UDP port.
    bool empty_datagram_due_ = false;
    /// Of a check to the virtual address, from CheckWays; 0: there is none to be ended.
    std::uint64_t lead_ = 0;
    /// How many packets went there, once it is ended.
    std::optional<std::uint64_t> led_;
    /// The kernel has no way to the server, so that no packet was sent at all.
    bool unreachable_ = false;
    /// How the check ends when all of `to_send_` is with the kernel.
    Done decided_;
};

CheckRun::Done SocketRun::start() {
    const bool server_speaks_first = prepare_exchange();
    const int socket =
        open_check_socket(question(), {.udp = udp_, .server_speaks_first = server_speaks_first});
    if (socket < 0) return result_of_error(-socket, question());
    boost::system::error_code error;
    descriptor_.assign(socket, error);
    if (error) {
        ::close(socket);
        return result_of_error(error.value(), question());
    }
    if (auto result = lead(socket)) return result;
    if (auto result = prepare_tls(socket)) return result;
    if (auto result = connect(socket)) return result;
    wait();
    return std::nullopt;
}

/// To the virtual address, if the question wants that.
CheckRun::Done SocketRun::lead(int socket) {
    const auto& way = question().way;
    if (!way) return std::nullopt;
    const auto refuse = [](std::string_view why) {
        return CheckResult{Outcome::not_asked, fmt::format("the director cannot check: {}", why)};
    };
    if (tools().ways == nullptr) return refuse("it cannot send to a virtual address");
    const auto begun = tools().ways->lead(socket, question().address, *way);
    if (!begun) return refuse(begun.error().message);
    lead_ = *begun;
    // The kernel does not know that a header will stand before each segment.
    if (!udp_ && way->method == model::ForwardingMethod::tunnel)
        set_option(socket, IPPROTO_TCP, TCP_MAXSEG, most_in_tunnel);
    return std::nullopt;
}

/// Whether the server says the first word.
bool SocketRun::prepare_exchange() {
    empty_datagram_due_ = udp_;
    if (!has_exchange(question().monitor)) return false;
    exchange_ = make_exchange(question());
    if (!exchange_) return false;
    auto first = exchange_->begin();
    to_send_ = std::move(first.send);
    decided_ = std::move(first.result);
    empty_datagram_due_ = udp_ && to_send_.empty();
    return to_send_.empty() && !speaks_tls(question().monitor);
}

CheckRun::Done SocketRun::prepare_tls(int socket) {
    if (udp_ || !speaks_tls(question().monitor)) return std::nullopt;
    const auto refuse = [](const Error& error) {
        return CheckResult{Outcome::not_asked, "the director cannot check: " + error.message};
    };
    const auto context = tools().tls.get(question().monitor);
    if (!context) return refuse(context.error());
    auto session = TlsSession::create(context->get(), socket, question());
    if (!session) return refuse(session.error());
    tls_ = *std::move(session);
    return std::nullopt;
}

CheckRun::Done SocketRun::connect(int socket) {
    const SocketAddress to(question().address, question().port);
    if (is_noted()) {
        note(fmt::format("{} to {}, port {}", udp_ ? "UDP" : "connecting", whom(question()),
                         question().port));
    }
    if (::connect(socket, to.get(), to.length) == 0 || errno == EINPROGRESS) return std::nullopt;
    return failed(errno);
}

void SocketRun::wait() {
    const auto readiness = waits_for_ == Flow::wants_read
                               ? asio::posix::descriptor_base::wait_read
                               : asio::posix::descriptor_base::wait_write;
    descriptor_.async_wait(readiness,
                           [run = self<SocketRun>()](const boost::system::error_code& error) {
                               if (!error) run->woken();
                           });
}

void SocketRun::woken() {
    if (is_over()) return;
    if (auto result = advance()) return finish(with_heard(*std::move(result)));
    wait();
}

CheckResult SocketRun::time_is_up() {
    // If the loop was held up, the answer may be there unread.
    if (auto result = advance()) return with_heard(*std::move(result));
    if (decided_) return with_heard(*decided_);
    if (udp_ && !exchange_) return {.outcome = Outcome::answered, .reason = {}};
    const auto time = in_words(timeout());
    if (const auto so_far = heard(); !so_far.empty()) {
        return with_heard(
            {Outcome::silent, fmt::format("answered only {} within {}", in_quotes(so_far), time)});
    }
    if (udp_ || phase_ == Phase::connecting)
        return {Outcome::silent, fmt::format("no answer within {}", time)};
    const auto* what =
        phase_ == Phase::handshaking ? "the TLS handshake was not done" : "no answer";
    return {Outcome::silent, fmt::format("connected, but {} within {}", what, time)};
}

void SocketRun::release() {
    boost::system::error_code ignored;
    descriptor_.close(ignored);
    if (lead_ != 0) led_ = tools().ways->end(std::exchange(lead_, 0));
}

CheckResult SocketRun::failed(int error_number) {
    unreachable_ = error_number == EHOSTUNREACH || error_number == ENETUNREACH ||
                   error_number == EHOSTDOWN || error_number == ENETDOWN;
    return result_of_error(error_number, question());
}

/// An answer of any kind that was not asked for at the virtual address says nothing.
CheckResult SocketRun::review(CheckResult result) {
    if (!question().way || result.outcome == Outcome::not_asked) return result;
    const auto there = question().way->virtual_address.to_string();
    const bool somebody_answered = result.outcome != Outcome::silent && !unreachable_;
    if (somebody_answered && led_.value_or(0) == 0) {
        return {Outcome::not_asked,
                fmt::format("the director cannot check: what it sent did not go to the virtual "
                            "address {}, but another way than clients' packets",
                            there)};
    }
    if (result.outcome != Outcome::answered)
        result.reason += fmt::format(", asked at the virtual address {}", there);
    return result;
}

CheckRun::Done SocketRun::advance() {
    if (phase_ == Phase::connecting) {
        if (auto result = finish_connecting()) return result;
    }
    if (phase_ == Phase::handshaking) {
        if (auto result = shake_hands()) return result;
    }
    if (phase_ != Phase::exchanging) return std::nullopt;
    if (auto result = send_more()) return result;
    return receive_more();
}

CheckRun::Done SocketRun::finish_connecting() {
    if (const int error = udp_ ? 0 : connect_again(); error != 0) {
        if (error == EALREADY) return std::nullopt;
        return failed(error);
    }
    if (!udp_) note("connected");
    phase_ = tls_ ? Phase::handshaking : Phase::exchanging;
    return tls_ ? std::nullopt : begin_exchange();
}

/// 0 once TCP is connected, EALREADY before, else the error: all in one system call.
int SocketRun::connect_again() {
    const SocketAddress to(question().address, question().port);
    const bool connected = ::connect(descriptor_.native_handle(), to.get(), to.length) == 0;
    return connected || errno == EISCONN ? 0 : errno;
}

CheckRun::Done SocketRun::shake_hands() {
    waits_for_ = tls_->handshake();
    if (waits_for_ == Flow::failed) return failure();
    if (waits_for_ != Flow::done) return std::nullopt;
    if (is_noted()) note("TLS handshake done: " + tls_->in_words());
    phase_ = Phase::exchanging;
    return begin_exchange();
}

CheckRun::Done SocketRun::begin_exchange() {
    if (!exchange_ && !udp_) return CheckResult{Outcome::answered, {}};
    return std::nullopt;
}

CheckRun::Done SocketRun::send_more() {
    while (sent_ < to_send_.size() || empty_datagram_due_) {
        std::size_t count = 0;
        const auto rest = std::string_view(to_send_).substr(sent_);
        const auto end = write(rest, count);
        if (end == Flow::failed || end == Flow::closed) return failure();
        if (end != Flow::done) {
            waits_for_ = end;
            return std::nullopt;
        }
        note_bytes("sent", rest.substr(0, count));
        sent_ += count;
        empty_datagram_due_ = false;
    }
    return std::exchange(decided_, std::nullopt);
}

CheckRun::Done SocketRun::receive_more() {
    // Who sends without end does not hold up the others.
    constexpr int most_reads = 16;
    for (int reads = 0; reads < most_reads; ++reads) {
        if (sent_ < to_send_.size()) return std::nullopt;
        waits_for_ = Flow::done;
        if (auto result = receive_once()) return result;
        if (waits_for_ != Flow::done) return std::nullopt;
    }
    waits_for_ = Flow::wants_read;
    return std::nullopt;
}

CheckRun::Done SocketRun::receive_once() {
    std::array<char, 16384> buffer;
    std::size_t count = 0;
    const auto end = read(buffer.data(), buffer.size(), count);
    switch (end) {
        case Flow::failed:
            return failure();
        case Flow::closed:
            note("the server closed the connection");
            return take(exchange_->ended());
        case Flow::done:
            break;
        default:
            waits_for_ = end;
            return std::nullopt;
    }
    note_bytes("received", {buffer.data(), count});
    if (!exchange_) return CheckResult{Outcome::answered, {}};
    return take(exchange_->received({buffer.data(), count}));
}

CheckRun::Done SocketRun::take(Exchange::Step step) {
    to_send_ = std::move(step.send);
    sent_ = 0;
    decided_ = std::move(step.result);
    return send_more();
}

Flow SocketRun::write(std::string_view bytes, std::size_t& count) {
    if (tls_) return tls_->write(bytes, count);
    const auto sent = ::send(descriptor_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
        count = static_cast<std::size_t>(sent);
        return Flow::done;
    }
    error_number_ = errno;
    return error_number_ == EAGAIN ? Flow::wants_write : Flow::failed;
}

Flow SocketRun::read(char* buffer, std::size_t size, std::size_t& count) {
    if (tls_) return tls_->read(buffer, size, count);
    const auto received = ::recv(descriptor_.native_handle(), buffer, size, 0);
    if (received >= 0) {
        count = static_cast<std::size_t>(received);
        return received == 0 && !udp_ ? Flow::closed : Flow::done;
    }
    error_number_ = errno;
    return error_number_ == EAGAIN ? Flow::wants_read : Flow::failed;
}

CheckResult SocketRun::failure() {
    if (tls_) return {Outcome::failed, tls_->problem()};
    return failed(error_number_);
}

CheckResult SocketRun::with_heard(CheckResult result) const {
    if (result.heard.empty()) result.heard = heard();
    return result;
}

}  // namespace

std::shared_ptr<CheckRun> make_socket_run(CheckTools& tools, CheckOrder order) {
    return std::make_shared<SocketRun>(tools, std::move(order));
}

}  // namespace shoal::health
