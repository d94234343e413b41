#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// Servers for the tests of this folder: real sockets on loopback, run by the test's own loop.

namespace shoal::health {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using std::chrono::milliseconds;

/// The given TCP port of 127.0.0.1, or any free one.
inline tcp::endpoint loopback(std::uint16_t port = 0) {
    return {asio::ip::address_v4::loopback(), port};
}

/// Runs the loop until the condition holds; false after a minute.
inline bool run_until(asio::io_context& loop, const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    loop.restart();
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        loop.run_one_for(milliseconds(20));
        if (loop.stopped()) loop.restart();
    }
    return true;
}

/// Accepts connections and does `with_each` to them; they stay open until it lets go of them.
class TcpServer {
  public:
    using Connection = std::shared_ptr<tcp::socket>;
    using Behaviour = std::function<void(Connection)>;

    TcpServer(asio::io_context& loop, Behaviour with_each, tcp::endpoint at = loopback())
        : acceptor_(loop, at), with_each_(std::move(with_each)) {
        accept();
    }
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    int accepted() const { return accepted_; }

  private:
    void accept() {
        acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
            if (error) return;
            ++accepted_;
            with_each_(std::make_shared<tcp::socket>(std::move(socket)));
            accept();
        });
    }

    tcp::acceptor acceptor_;
    Behaviour with_each_;
    int accepted_ = 0;
};

/// Answers every datagram with `answer`; with nothing if that is empty.
class UdpServer {
  public:
    UdpServer(asio::io_context& loop, std::string answer)
        : socket_(loop, udp::endpoint(asio::ip::address_v4::loopback(), 0)),
          answer_(std::move(answer)) {
        receive();
    }
    std::uint16_t port() const { return socket_.local_endpoint().port(); }
    const std::vector<std::string>& received() const { return received_; }

  private:
    void receive() {
        socket_.async_receive_from(asio::buffer(buffer_), from_,
                                   [this](boost::system::error_code error, std::size_t size) {
                                       if (error) return;
                                       received_.emplace_back(buffer_.data(), size);
                                       if (!answer_.empty()) {
                                           socket_.send_to(asio::buffer(answer_), from_);
                                       }
                                       receive();
                                   });
    }

    udp::socket socket_;
    udp::endpoint from_;
    std::array<char, 2048> buffer_{};
    std::string answer_;
    std::vector<std::string> received_;
};

/// Writes `text` byte by byte, each in a segment of its own, and keeps the connection open.
inline void send_in_pieces(TcpServer::Connection connection, std::string text) {
    if (text.empty()) return;
    connection->set_option(tcp::no_delay(true));
    asio::write(*connection, asio::buffer(text.data(), 1));
    auto pause = std::make_shared<asio::steady_timer>(connection->get_executor(), milliseconds(1));
    pause->async_wait([pause, connection, rest = text.substr(1)](boost::system::error_code) {
        send_in_pieces(connection, rest);
    });
}

/// A TCP port of loopback on which nothing listens, and that nobody else gets meanwhile.
class ClosedPort {
  public:
    explicit ClosedPort(asio::io_context& loop) : socket_(loop, loopback()) {}
    std::uint16_t port() const { return socket_.local_endpoint().port(); }

  private:
    tcp::socket socket_;
};

/// A TCP port whose listener has no room for another connection: SYNs are dropped.
class FullPort {
  public:
    explicit FullPort(asio::io_context& loop) : acceptor_(loop, tcp::v4()) {
        acceptor_.bind(loopback());
        acceptor_.listen(0);
        first_ = std::make_unique<tcp::socket>(loop);
        first_->connect(acceptor_.local_endpoint());
    }
    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

  private:
    tcp::acceptor acceptor_;
    std::unique_ptr<tcp::socket> first_;
};

}  // namespace shoal::health
