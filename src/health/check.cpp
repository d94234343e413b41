#include "health/check.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "health/check_reason.h"

namespace shoal::health {

namespace asio = boost::asio;

namespace {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const net::Address& address, std::uint16_t port) {
    SocketAddress result;
    if (address.is_v6()) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        std::memcpy(&v6.sin6_addr, address.bytes().data(), sizeof v6.sin6_addr);
        std::memcpy(&result.storage, &v6, sizeof v6);
        result.length = sizeof v6;
    } else {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        v4.sin_addr.s_addr = address.v4_bits();
        std::memcpy(&result.storage, &v4, sizeof v4);
        result.length = sizeof v4;
    }
    return result;
}

template <class T>
int set_option(int socket, int level, int option, const T& value) {
    return setsockopt(socket, level, option, &value, sizeof value);
}

/// A non-blocking socket that resets its connection when it is closed, or a negative errno.
int open_socket(const Probe& probe) {
    const bool udp = probe.protocol == model::Protocol::udp;
    const bool v6 = probe.address.is_v6();
    const int type = (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const int socket = ::socket(v6 ? AF_INET6 : AF_INET, type, 0);
    if (socket < 0) return -errno;
    if (!udp) {
        set_option(socket, SOL_SOCKET, SO_LINGER, linger{.l_onoff = 1, .l_linger = 0});
        // The handshake's last ACK then goes with the request, or is replaced by the reset: where
        // nothing is exchanged, the server's kernel answers and its program is not even woken.
        const bool server_speaks_first = probe.send.empty() && !probe.expect.empty();
        if (!server_speaks_first) set_option(socket, IPPROTO_TCP, TCP_QUICKACK, 0);
    } else if (v6) {
        // Without it a UDP socket hears of a closed port, but not of an unreachable host.
        set_option(socket, IPPROTO_IPV6, IPV6_RECVERR, 1);
    } else {
        set_option(socket, IPPROTO_IP, IP_RECVERR, 1);
    }
    return socket;
}

/// Whether an error of connect, send or receive comes from the server or the way to it.
bool is_answer_of_network(int error_number) {
    switch (error_number) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
        case EADDRNOTAVAIL:
        case EAFNOSUPPORT:
        case EAGAIN:
        case EACCES:
        case EPERM:
        case EINVAL:
            return false;
        default:
            return true;
    }
}

CheckResult result_of_error(int error_number) {
    // The kernel's own time limit, where ours is longer.
    if (error_number == ETIMEDOUT) return {Outcome::silent, "no answer"};
    auto words = socket_error_in_words(error_number);
    if (is_answer_of_network(error_number)) return {Outcome::failed, std::move(words)};
    return {Outcome::not_asked, "the director cannot check: " + words};
}

}  // namespace

/// Advances as far as it can each time the socket or the timer wakes it.
class Check::Run : public std::enable_shared_from_this<Check::Run> {
  public:
    Run(asio::io_context& loop, std::shared_ptr<const Probe> probe, OnDone on_done)
        : probe_(std::move(probe)),
          on_done_(std::move(on_done)),
          descriptor_(loop),
          timer_(loop, probe_->timeout) {}

    void start();
    void give_up();

  private:
    enum class Step { connecting, sending, receiving };
    using Done = std::optional<CheckResult>;

    int connect();
    void wait();
    void woken();
    void timed_out();
    void finish(const CheckResult& result);

    /// Each does what is possible without waiting, and has a result if that decides.
    Done advance();
    Done finish_connecting();
    Done send_more();
    Done receive_more();
    Done judge_answer() const;
    Done judge_end() const;
    CheckResult result_of_silence() const;

    bool is_udp() const { return probe_->protocol == model::Protocol::udp; }
    bool wants_answer() const {
        return !probe_->expect.empty() || (is_udp() && !probe_->send.empty());
    }

    std::shared_ptr<const Probe> probe_;
    OnDone on_done_;
    asio::posix::stream_descriptor descriptor_;
    asio::steady_timer timer_;
    Step step_ = Step::connecting;
    std::size_t sent_ = 0;
    std::string answer_;
};

Check::Check(asio::io_context& loop, std::shared_ptr<const Probe> probe, OnDone on_done)
    : run_(std::make_shared<Run>(loop, std::move(probe), std::move(on_done))) {
    run_->start();
}

Check::~Check() {
    run_->give_up();
}

void Check::Run::start() {
    if (const int error = connect(); error != 0) {
        const auto executor = descriptor_.get_executor();
        asio::post(executor,
                   [self = shared_from_this(), error] { self->finish(result_of_error(error)); });
        return;
    }
    timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
        if (!error) self->timed_out();
    });
    wait();
}

int Check::Run::connect() {
    const int socket = open_socket(*probe_);
    if (socket < 0) return -socket;
    boost::system::error_code error;
    descriptor_.assign(socket, error);
    if (error) {
        ::close(socket);
        return error.value();
    }
    const auto to = socket_address(probe_->address, probe_->port);
    if (::connect(socket, to.get(), to.length) == 0 || errno == EINPROGRESS) return 0;
    return errno;
}

void Check::Run::wait() {
    const auto readiness = step_ == Step::receiving ? asio::posix::descriptor_base::wait_read
                                                    : asio::posix::descriptor_base::wait_write;
    descriptor_.async_wait(readiness,
                           [self = shared_from_this()](const boost::system::error_code& error) {
                               if (!error) self->woken();
                           });
}

void Check::Run::woken() {
    if (!on_done_) return;
    if (const auto result = advance()) return finish(*result);
    wait();
}

void Check::Run::timed_out() {
    if (!on_done_) return;
    // If the loop was held up, the answer may be there unread.
    const auto result = advance();
    finish(result ? *result : result_of_silence());
}

void Check::Run::finish(const CheckResult& result) {
    const auto on_done = std::exchange(on_done_, nullptr);
    give_up();
    if (on_done) on_done(result);
}

void Check::Run::give_up() {
    on_done_ = nullptr;
    timer_.cancel();
    boost::system::error_code ignored;
    descriptor_.close(ignored);
}

Check::Run::Done Check::Run::advance() {
    if (step_ == Step::connecting) {
        if (auto result = finish_connecting()) return result;
    }
    if (step_ == Step::sending) {
        if (auto result = send_more()) return result;
    }
    return step_ == Step::receiving ? receive_more() : std::nullopt;
}

Check::Run::Done Check::Run::finish_connecting() {
    pollfd writable{.fd = descriptor_.native_handle(), .events = POLLOUT, .revents = 0};
    if (poll(&writable, 1, 0) == 0) return std::nullopt;
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(writable.fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return result_of_error(error);
    step_ = Step::sending;
    return std::nullopt;
}

Check::Run::Done Check::Run::send_more() {
    const auto rest = std::string_view(probe_->send).substr(sent_);
    // An empty datagram is also one: it is what finds a closed UDP port.
    if (!rest.empty() || is_udp()) {
        const auto count =
            ::send(descriptor_.native_handle(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN) return std::nullopt;
        if (count < 0) return result_of_error(errno);
        sent_ += static_cast<std::size_t>(count);
        if (sent_ < probe_->send.size()) return std::nullopt;
    }
    if (!wants_answer() && !is_udp()) return CheckResult{Outcome::answered, {}};
    step_ = Step::receiving;
    return std::nullopt;
}

Check::Run::Done Check::Run::receive_more() {
    while (true) {
        // More than is compared, to show what came instead.
        const auto before = answer_.size();
        answer_.resize(std::max<std::size_t>(probe_->expect.size(), before) + 64);
        const auto count = ::recv(descriptor_.native_handle(), answer_.data() + before,
                                  answer_.size() - before, 0);
        const int error = errno;
        answer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        if (count < 0 && error == EINTR) continue;
        if (count < 0 && error == EAGAIN) return std::nullopt;
        if (count < 0) return result_of_error(error);
        if (count == 0 && !is_udp()) return judge_end();
        if (auto result = judge_answer()) return result;
    }
}

Check::Run::Done Check::Run::judge_answer() const {
    const std::string_view expect = probe_->expect;
    if (answer_.starts_with(expect)) return CheckResult{Outcome::answered, {}};
    // A datagram is an answer of its own, TCP may bring the rest in the next segment.
    if (!is_udp() && expect.starts_with(answer_)) return std::nullopt;
    return CheckResult{Outcome::failed, fmt::format("answered {} instead of {}", in_quotes(answer_),
                                                    in_quotes(expect))};
}

Check::Run::Done Check::Run::judge_end() const {
    if (answer_.empty()) return CheckResult{Outcome::failed, "closed before answering"};
    return CheckResult{Outcome::failed, fmt::format("closed after answering {} instead of {}",
                                                    in_quotes(answer_), in_quotes(probe_->expect))};
}

CheckResult Check::Run::result_of_silence() const {
    if (is_udp() && !wants_answer()) return {Outcome::answered, {}};
    const auto time = in_words(probe_->timeout);
    if (!answer_.empty()) {
        return {Outcome::silent,
                fmt::format("answered only {} within {}", in_quotes(answer_), time)};
    }
    const bool connected = !is_udp() && step_ != Step::connecting;
    return {Outcome::silent,
            fmt::format("{}no answer within {}", connected ? "connected, but " : "", time)};
}

}  // namespace shoal::health
