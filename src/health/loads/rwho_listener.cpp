#include "health/loads/rwho_listener.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <string_view>
#include <utility>

#include "health/check_reason.h"
#include "health/endpoints.h"

namespace shoal::health {

namespace asio = boost::asio;
using asio::ip::udp;

class RwhoListener::Impl : public std::enable_shared_from_this<RwhoListener::Impl> {
  public:
    Impl(asio::io_context& loop, std::uint16_t port, OnPacket on_packet)
        : socket_(loop), port_(port), on_packet_(std::move(on_packet)) {}

    Result<void> open();
    void receive();
    void close();

  private:
    void received(std::string_view datagram);

    udp::socket socket_;
    std::uint16_t port_;
    OnPacket on_packet_;
    udp::endpoint from_;
    /// A head and 42 users of 24 bytes are 1068.
    std::array<char, 2048> buffer_{};
};

Result<void> RwhoListener::Impl::open() {
    boost::system::error_code error;
    socket_.open(udp::v4(), error);
    // An rwhod of the director's own may listen beside: broadcasts come to both.
    if (!error) socket_.set_option(udp::socket::reuse_address(true), error);
    if (!error) socket_.bind({udp::v4(), port_}, error);
    if (error)
        return fail(fmt::format("the director cannot listen to UDP port {}: {}", port_,
                                socket_error_in_words(error.value())));
    return {};
}

void RwhoListener::Impl::receive() {
    socket_.async_receive_from(
        asio::buffer(buffer_), from_,
        [weak = weak_from_this()](const boost::system::error_code& error, std::size_t size) {
            const auto alive = weak.lock();
            if (!alive || !alive->socket_.is_open()) return;
            if (!error) alive->received({alive->buffer_.data(), size});
            if (alive->socket_.is_open()) alive->receive();
        });
}

void RwhoListener::Impl::received(std::string_view datagram) {
    // rwhod sends from the port that it listens to, which takes root where it is below 1024.
    if (from_.port() != port_) return;
    if (const auto packet = read_rwho(datagram)) on_packet_(address_of(from_.address()), *packet);
}

void RwhoListener::Impl::close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
}

Result<std::unique_ptr<RwhoListener>> RwhoListener::open(asio::io_context& loop, std::uint16_t port,
                                                         OnPacket on_packet) {
    auto impl = std::make_shared<Impl>(loop, port, std::move(on_packet));
    if (const auto opened = impl->open(); !opened) return fail(opened.error());
    impl->receive();
    return std::unique_ptr<RwhoListener>(new RwhoListener(std::move(impl)));
}

RwhoListener::RwhoListener(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

RwhoListener::~RwhoListener() {
    impl_->close();
}

}  // namespace shoal::health
