#include "programs/socket_runner.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <map>
#include <optional>
#include <utility>

#include "base/log.h"
#include "programs/order_format.h"

namespace shoal::programs {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::local::stream_protocol;

/// Beyond what shoal-run itself lets wait.
constexpr std::size_t most_under_way = 12'000;
/// sun_path, less its final zero.
constexpr std::size_t longest_path = 107;

std::string reason_not_connected(const std::string& path, int number) {
    if (number == ENOENT) return fmt::format("shoal-run is not running (no socket at {})", path);
    if (number == ECONNREFUSED)
        return fmt::format("shoal-run is not running (nobody listens on {})", path);
    return system_error(path, number).message;
}

}  // namespace

class SocketRunner::Impl : public std::enable_shared_from_this<Impl> {
  public:
    Impl(asio::io_context& loop, std::string path) : loop_(loop), path_(std::move(path)) {}

    void run(health::ProgramOrder program, OnDone on_done) {
        const auto timeout = program.timeout;
        const Order order{.id = ++last_id_, .program = std::move(program)};
        auto frame = write_order(order);
        if (!frame) {
            refuse(std::move(on_done), frame.error().message);
            return;
        }
        if (under_way_.size() >= most_under_way) {
            refuse(std::move(on_done), "too many programs are under way");
            return;
        }
        if (auto connected = connect(); !connected) {
            refuse(std::move(on_done), connected.error().message);
            return;
        }
        add(order.id, timeout, std::move(on_done));
        unsent_ += *frame;
        send_some();
    }

    void stop() {
        stopped_ = true;
        under_way_.clear();
        close();
    }

  private:
    struct UnderWay {
        OnDone on_done;
        asio::steady_timer guard;
    };
    /// A connection's callbacks compare it with the one that is in use.
    using Socket = std::shared_ptr<Protocol::socket>;

    void refuse(OnDone on_done, std::string reason) {
        asio::post(loop_, [self = shared_from_this(), on_done = std::move(on_done),
                           reason = std::move(reason)] {
            if (!self->stopped_) on_done({.reason = reason});
        });
    }

    /// A Unix socket's connect() does not wait where the socket is non-blocking.
    Result<void> connect() {
        if (socket_) return {};
        if (path_.empty() || path_.size() > longest_path)
            return fail(fmt::format("\"{}\" is no path for a socket", path_));
        auto socket = std::make_shared<Protocol::socket>(loop_);
        error_code error;
        socket->open(Protocol(), error);
        if (!error) socket->non_blocking(true, error);
        if (!error) socket->connect(Protocol::endpoint(path_), error);
        note(error);
        if (error) return fail(reason_not_connected(path_, error.value()));
        socket_ = std::move(socket);
        read();
        return {};
    }

    /// Said once, until it works again.
    void note(error_code error) {
        if (error && !missing_)
            log(Message::programs_not_run, "{}", reason_not_connected(path_, error.value()));
        missing_ = static_cast<bool>(error);
    }

    /// shoal-run may let an order wait as long as its time limit, before it begins.
    void add(std::uint64_t id, Milliseconds timeout, OnDone on_done) {
        constexpr Milliseconds delay{2000};
        auto& guard =
            under_way_.emplace(id, UnderWay{std::move(on_done), asio::steady_timer(loop_)})
                .first->second.guard;
        guard.expires_after(2 * timeout + delay);
        // One that never ends, because the kernel cannot kill it, must not end the others.
        guard.async_wait([self = shared_from_this(), id](error_code error) {
            if (!error && !self->stopped_)
                self->finish({.id = id, .result = {.reason = "shoal-run does not answer"}});
        });
    }

    void send_some() {
        if (unsent_.empty() || writing_) return;
        writing_ = true;
        const auto bytes = std::make_shared<std::string>(std::exchange(unsent_, {}));
        asio::async_write(
            *socket_, asio::buffer(*bytes),
            [self = shared_from_this(), socket = socket_, bytes](error_code error, std::size_t) {
                if (socket != self->socket_) return;
                self->writing_ = false;
                if (error)
                    self->lose("shoal-run ended");
                else
                    self->send_some();
            });
    }

    void read() {
        socket_->async_read_some(
            asio::buffer(buffer_),
            [self = shared_from_this(), socket = socket_](error_code error, std::size_t size) {
                if (socket != self->socket_) return;
                if (error)
                    self->lose("shoal-run ended");
                else if (self->take({self->buffer_.data(), size}))
                    self->read();
            });
    }

    /// False where this connection is no longer the one in use.
    bool take(std::string_view bytes) {
        const auto socket = socket_;
        frames_.add(bytes);
        while (true) {
            const auto frame = frames_.next();
            if (frame && !*frame) return true;
            const auto answer = frame ? read_answer(**frame) : Result<Answer>(fail(frame.error()));
            if (!answer) {
                lose("shoal-run sent " + answer.error().message);
                return false;
            }
            finish(*answer);
            if (socket != socket_) return false;
        }
    }

    void finish(const Answer& answer) {
        auto found = under_way_.extract(answer.id);
        if (found) found.mapped().on_done(answer.result);
    }

    void close() {
        error_code ignored;
        if (socket_) socket_->close(ignored);
        socket_.reset();
        frames_ = {};
        unsent_.clear();
        writing_ = false;
    }

    /// Every order that was under way ends, without a verdict.
    void lose(const std::string& reason) {
        close();
        auto lost = std::exchange(under_way_, {});
        for (auto& [id, order] : lost) {
            order.guard.cancel();
            refuse(std::move(order.on_done), reason);
        }
    }

    asio::io_context& loop_;
    std::string path_;
    Socket socket_;
    bool missing_ = false;
    bool stopped_ = false;
    FrameReader frames_;
    std::array<char, 16384> buffer_{};
    bool writing_ = false;
    std::string unsent_;
    std::uint64_t last_id_ = 0;
    std::map<std::uint64_t, UnderWay> under_way_;
};

SocketRunner::SocketRunner(boost::asio::io_context& loop, std::string path)
    : impl_(std::make_shared<Impl>(loop, std::move(path))) {}

SocketRunner::~SocketRunner() {
    impl_->stop();
}

void SocketRunner::run(health::ProgramOrder order, OnDone on_done) {
    impl_->run(std::move(order), std::move(on_done));
}

}  // namespace shoal::programs
