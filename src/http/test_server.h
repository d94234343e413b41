#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "http/server.h"

// For tests: a server on a real socket in a folder of its own, and a client that may say anything.

namespace shoal::http::test {

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern = "/tmp/shoal_test_XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
        path_ = pattern;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }

    std::string file(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

/// Serves in a thread until it is destroyed.
class RunningServer {
  public:
    explicit RunningServer(Service& service, ServerLimits limits = {}) {
        auto socket = ListeningSocket::open(path(), {});
        if (!socket) {
            ADD_FAILURE() << socket.error().message;
            return;
        }
        server_.emplace(loop_, std::move(*socket), service, limits);
        thread_ = std::jthread([this] { loop_.run(); });
    }
    RunningServer(const RunningServer&) = delete;
    RunningServer& operator=(const RunningServer&) = delete;
    ~RunningServer() {
        on_loop([this] { server_.reset(); });
        thread_.join();
    }

    const TemporaryFolder& folder() const { return folder_; }
    std::string path() const { return folder_.file("shoald.sock"); }
    void on_loop(std::function<void()> action) { boost::asio::post(loop_, std::move(action)); }
    /// For use on the loop.
    void close() { server_->close(); }

  private:
    TemporaryFolder folder_;
    boost::asio::io_context loop_{1};
    std::optional<Server> server_;
    std::jthread thread_;
};

/// A blocking connection without any idea of HTTP.
class RawConnection {
  public:
    explicit RawConnection(const std::string& path)
        : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        connected_ = ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address),
                               sizeof address) == 0;
        const timeval patience{.tv_sec = 20, .tv_usec = 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    RawConnection(const RawConnection&) = delete;
    RawConnection& operator=(const RawConnection&) = delete;
    ~RawConnection() { ::close(descriptor_); }

    bool connected() const { return connected_; }
    /// False when the server has closed the connection.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    void finish_sending() { ::shutdown(descriptor_, SHUT_WR); }
    /// What comes until `end` is in it, or until the server closes.
    std::string receive_until(std::string_view end) {
        std::string received;
        char piece[4096];
        while (end.empty() || !received.contains(end)) {
            const auto size = ::recv(descriptor_, piece, sizeof piece, 0);
            if (size <= 0) break;
            received.append(piece, static_cast<std::size_t>(size));
        }
        return received;
    }
    std::string receive_all() { return receive_until(""); }

  private:
    int descriptor_;
    bool connected_ = false;
};

}  // namespace shoal::http::test
