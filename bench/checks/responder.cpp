#include "responder.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string_view>

namespace shoal::bench {

namespace {

constexpr std::string_view answer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: "
    "close\r\n\r\nok\n";

int open_listener() {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 ||
        listen(listener, 4096) != 0)
        throw std::runtime_error("no port to be had");
    return listener;
}

void print_port(int listener) {
    sockaddr_in bound{};
    socklen_t size = sizeof bound;
    getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &size);
    std::printf("%d\n", ntohs(bound.sin_port));
    std::fflush(stdout);
}

void watch(int epoll, int descriptor) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = descriptor}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

void accept_all(int epoll, int listener) {
    for (int connection = 0; connection >= 0;) {
        connection = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (connection >= 0) watch(epoll, connection);
    }
}

/// Checkers send their whole request at once.
void serve(int connection) {
    std::array<char, 4096> request;
    const auto size = recv(connection, request.data(), request.size(), 0);
    if (size > 0) send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
    close(connection);
}

}  // namespace

int run_responder() {
    const int listener = open_listener();
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    print_port(listener);
    watch(epoll, listener);
    watch(epoll, STDIN_FILENO);
    std::array<epoll_event, 256> events;
    while (true) {
        const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) {
            const int ready = events.at(static_cast<std::size_t>(i)).data.fd;
            if (ready == STDIN_FILENO) return 0;
            if (ready == listener) {
                accept_all(epoll, listener);
            } else {
                serve(ready);
            }
        }
    }
}

}  // namespace shoal::bench
