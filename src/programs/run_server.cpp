#include "programs/run_server.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "base/log.h"
#include "programs/order_format.h"

namespace shoal::programs {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::local::stream_protocol;

/// Above it nothing more is read from who does not read.
constexpr std::size_t most_unsent = 1 << 20;

class Session final : public std::enable_shared_from_this<Session> {
  public:
    Session(Protocol::socket socket, health::ProgramRunner& runner)
        : socket_(std::move(socket)), runner_(runner) {}

    void read() {
        if (reading_ || unsent_.size() > most_unsent) return;
        reading_ = true;
        socket_.async_read_some(asio::buffer(buffer_),
                                [self = shared_from_this()](error_code error, std::size_t size) {
                                    self->reading_ = false;
                                    if (!error && self->take({self->buffer_.data(), size}))
                                        self->read();
                                });
    }

  private:
    /// False where what came makes no sense: then this connection is over.
    bool take(std::string_view bytes) {
        frames_.add(bytes);
        while (true) {
            const auto frame = frames_.next();
            if (!frame) return give_up(frame.error());
            if (!*frame) return true;
            auto order = read_order(**frame);
            if (!order) return give_up(order.error());
            run(std::move(*order));
        }
    }

    bool give_up(const Error& error) {
        log(Message::program_order_refused, "{}", error.message);
        error_code ignored;
        socket_.close(ignored);
        return false;
    }

    void run(Order order) {
        runner_.run(std::move(order.program),
                    [self = shared_from_this(), id = order.id](const auto& result) {
                        self->send(write_answer({.id = id, .result = result}));
                    });
    }

    void send(std::string frame) {
        unsent_ += frame;
        if (sending_.empty()) send_some();
    }

    void send_some() {
        if (unsent_.empty() || !socket_.is_open()) return;
        sending_ = std::exchange(unsent_, {});
        asio::async_write(socket_, asio::buffer(sending_),
                          [self = shared_from_this()](error_code error, std::size_t) {
                              self->sending_.clear();
                              if (error) return;
                              self->send_some();
                              self->read();
                          });
    }

    Protocol::socket socket_;
    health::ProgramRunner& runner_;
    FrameReader frames_;
    std::array<char, 16384> buffer_{};
    bool reading_ = false;
    std::string sending_;
    std::string unsent_;
};

bool is_allowed(int descriptor, const std::set<uid_t>& allowed) {
    ucred peer{};
    socklen_t length = sizeof peer;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
    if (allowed.contains(peer.uid)) return true;
    log(Message::request_refused, "uid {} may not have programs run", peer.uid);
    return false;
}

}  // namespace

class RunServer::Impl {
  public:
    Impl(asio::io_context& loop, int descriptor, std::set<uid_t> allowed,
         health::ProgramRunner& runner)
        : acceptor_(loop, Protocol(), descriptor),
          pause_(loop),
          allowed_(std::move(allowed)),
          runner_(runner) {
        accept();
    }

  private:
    void accept() {
        acceptor_.async_accept([this](error_code error, Protocol::socket socket) {
            if (error == asio::error::operation_aborted) return;
            if (error) {
                accept_later();
                return;
            }
            if (is_allowed(socket.native_handle(), allowed_))
                std::make_shared<Session>(std::move(socket), runner_)->read();
            accept();
        });
    }

    /// Out of descriptors, for one.
    void accept_later() {
        pause_.expires_after(Milliseconds(100));
        pause_.async_wait([this](error_code error) {
            if (!error) accept();
        });
    }

    Protocol::acceptor acceptor_;
    asio::steady_timer pause_;
    std::set<uid_t> allowed_;
    health::ProgramRunner& runner_;
};

RunServer::RunServer(boost::asio::io_context& loop, int descriptor, std::set<uid_t> allowed,
                     health::ProgramRunner& runner)
    : impl_(std::make_unique<Impl>(loop, descriptor, std::move(allowed), runner)) {}
RunServer::~RunServer() = default;

}  // namespace shoal::programs
