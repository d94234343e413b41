#include "health/loads/rstat_asker.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "health/check_reason.h"
#include "health/endpoints.h"
#include "health/loads/load_answer.h"
#include "health/loads/rstat.h"

namespace shoal::health {

namespace asio = boost::asio;
using asio::ip::udp;

namespace {

/// How often one datagram is sent within the timeout.
constexpr int tries = 4;
/// Of questions in one asking: the portmapper's for each version, and rstatd's for each.
constexpr int most_questions = 8;

/// Where a real server's rstatd was found.
struct Found {
    std::uint16_t port = 0;
    std::uint32_t version = rstat::usual_version;
};

struct Asking {
    Asking(asio::io_context& loop, OnReading to_call)
        : on_reading(std::move(to_call)), deadline(loop), again(loop) {}

    net::Address address;
    /// 0: the portmapper is asked.
    std::uint16_t given_port = 0;
    std::uint16_t portmapper_port = 0;
    Milliseconds timeout{};
    Found found;
    OnReading on_reading;
    int questions = 0;
    /// Whom the datagram that is under way went to; only from there an answer counts.
    udp::endpoint asked;
    std::string datagram;
    asio::steady_timer deadline;
    asio::steady_timer again;

    bool asks_portmapper() const { return found.port == 0; }
};

/// The next version to try with a portmapper that does not know one.
std::optional<std::uint32_t> version_after(std::uint32_t version) {
    if (version == rstat::usual_version) return rstat::greatest_version;
    if (version == rstat::greatest_version) return rstat::least_version;
    return std::nullopt;
}

}  // namespace

class RstatAsker::Impl : public std::enable_shared_from_this<RstatAsker::Impl> {
  public:
    explicit Impl(asio::io_context& loop) : loop_(loop), v4_{loop}, v6_{loop} {}

    void ask(std::shared_ptr<Asking> asking);
    void close();

  private:
    using AskingPtr = std::shared_ptr<Asking>;
    struct Socket {
        explicit Socket(asio::io_context& loop) : socket(loop) {}
        udp::socket socket;
        udp::endpoint from;
        std::array<char, 2048> buffer{};
    };

    Socket& socket_for(const net::Address& address) { return address.is_v6() ? v6_ : v4_; }
    Result<void> open(Socket& socket, const udp& protocol);
    void receive(Socket& socket);
    void received(const udp::endpoint& from, std::string_view datagram);
    /// The next datagram of an asking, under a number that nobody can guess.
    void put_question(const AskingPtr& asking);
    void send(const AskingPtr& asking);
    void answered(const AskingPtr& asking, const rstat::Reply& reply);
    void port_came(const AskingPtr& asking, const rstat::Reply& reply);
    void load_came(const AskingPtr& asking, const rstat::Reply& reply);
    void try_other_version(const AskingPtr& asking, const rstat::Reply& reply);
    void finish(const AskingPtr& asking, const Result<LoadReading>& reading);
    void give_up(const AskingPtr& asking, const std::string& why);
    void timed_out(const AskingPtr& asking);

    asio::io_context& loop_;
    Socket v4_;
    Socket v6_;
    std::random_device random_;
    /// By the number of the question that is under way.
    std::map<std::uint32_t, AskingPtr> under_way_;
    std::map<net::Address, Found> found_;
};

void RstatAsker::Impl::ask(AskingPtr asking) {
    const auto known = found_.find(asking->address);
    if (known != found_.end()) asking->found = known->second;
    if (asking->given_port != 0) asking->found.port = asking->given_port;
    asking->deadline.expires_after(asking->timeout);
    asking->deadline.async_wait(
        [weak = weak_from_this(), asking](const boost::system::error_code& error) {
            const auto alive = weak.lock();
            if (!error && alive) alive->timed_out(asking);
        });
    put_question(asking);
}

void RstatAsker::Impl::close() {
    boost::system::error_code ignored;
    v4_.socket.close(ignored);
    v6_.socket.close(ignored);
    for (const auto& [number, asking] : under_way_) {
        asking->deadline.cancel();
        asking->again.cancel();
    }
    under_way_.clear();
}

Result<void> RstatAsker::Impl::open(Socket& socket, const udp& protocol) {
    if (socket.socket.is_open()) return {};
    boost::system::error_code error;
    socket.socket.open(protocol, error);
    if (!error) socket.socket.non_blocking(true, error);
    if (!error) socket.socket.bind({protocol, 0}, error);
    if (error) {
        boost::system::error_code ignored;
        socket.socket.close(ignored);
        return fail("the director cannot ask: " + socket_error_in_words(error.value()));
    }
    receive(socket);
    return {};
}

void RstatAsker::Impl::receive(Socket& socket) {
    socket.socket.async_receive_from(asio::buffer(socket.buffer), socket.from,
                                     [weak = weak_from_this(), &socket](
                                         const boost::system::error_code& error, std::size_t size) {
                                         const auto alive = weak.lock();
                                         if (!alive || error == asio::error::operation_aborted)
                                             return;
                                         if (!error)
                                             alive->received(socket.from,
                                                             {socket.buffer.data(), size});
                                         if (socket.socket.is_open()) alive->receive(socket);
                                     });
}

void RstatAsker::Impl::received(const udp::endpoint& from, std::string_view datagram) {
    const auto reply = rstat::read_reply(datagram);
    if (!reply) return;
    const auto known = under_way_.find(reply->transaction);
    if (known == under_way_.end() || known->second->asked != from) return;
    const auto asking = known->second;
    under_way_.erase(known);
    answered(asking, *reply);
}

void RstatAsker::Impl::put_question(const AskingPtr& asking) {
    if (asking->questions++ == most_questions)
        return give_up(asking, "portmapper and rstatd contradict each other");
    std::uint32_t number = random_();
    while (under_way_.contains(number))
        ++number;
    const auto version = asking->found.version;
    const bool portmapper = asking->asks_portmapper();
    asking->datagram =
        portmapper ? rstat::port_question(number, version) : rstat::load_question(number, version);
    asking->asked = {asio_address(asking->address),
                     portmapper ? asking->portmapper_port : asking->found.port};
    under_way_.emplace(number, asking);
    send(asking);
}

void RstatAsker::Impl::send(const AskingPtr& asking) {
    auto& socket = socket_for(asking->address);
    const auto opened = open(socket, asking->asked.protocol());
    if (!opened) return give_up(asking, opened.error().message);
    boost::system::error_code error;
    socket.socket.send_to(asio::buffer(asking->datagram), asking->asked, 0, error);
    // A full buffer is nothing that the next try does not mend.
    if (error && error != asio::error::would_block && error != asio::error::try_again)
        return give_up(asking, socket_error_in_words(error.value()));
    asking->again.expires_after(asking->timeout / tries);
    asking->again.async_wait(
        [weak = weak_from_this(), asking](const boost::system::error_code& aborted) {
            const auto alive = weak.lock();
            if (!aborted && alive && asking->on_reading) alive->send(asking);
        });
}

void RstatAsker::Impl::answered(const AskingPtr& asking, const rstat::Reply& reply) {
    const auto who = asking->asks_portmapper() ? "the portmapper" : "rstatd";
    switch (reply.status) {
        case rstat::Reply::Status::success:
            return asking->asks_portmapper() ? port_came(asking, reply) : load_came(asking, reply);
        case rstat::Reply::Status::other_version:
            if (!asking->asks_portmapper()) return try_other_version(asking, reply);
            [[fallthrough]];
        case rstat::Reply::Status::refused:
            return give_up(asking, fmt::format("{} refuses to answer", who));
        case rstat::Reply::Status::no_program:
            return give_up(asking, fmt::format("{} is not what listens there", who));
    }
}

void RstatAsker::Impl::port_came(const AskingPtr& asking, const rstat::Reply& reply) {
    const auto port = rstat::read_port(reply.results);
    if (!port) return give_up(asking, "the portmapper's answer is broken");
    if (*port == 0) {
        const auto next = version_after(asking->found.version);
        if (!next) return give_up(asking, "rstatd is not registered with the portmapper");
        asking->found.version = *next;
    }
    asking->found.port = *port;
    put_question(asking);
}

void RstatAsker::Impl::load_came(const AskingPtr& asking, const rstat::Reply& reply) {
    const auto load = rstat::read_load(asking->found.version, reply.results);
    if (!load) return give_up(asking, "rstatd's answer is broken");
    found_[asking->address] = asking->found;
    const auto plausible = plausible_load(*load);
    if (!plausible) return finish(asking, fail(plausible.error()));
    finish(asking, LoadReading{.load = *plausible});
}

void RstatAsker::Impl::try_other_version(const AskingPtr& asking, const rstat::Reply& reply) {
    const auto version = std::min(reply.greatest, rstat::greatest_version);
    if (version < std::max(reply.least, rstat::least_version))
        return give_up(asking, fmt::format("rstatd speaks only the versions {} to {}", reply.least,
                                           reply.greatest));
    if (version == asking->found.version)
        return give_up(asking, "rstatd contradicts itself about its versions");
    asking->found.version = version;
    put_question(asking);
}

void RstatAsker::Impl::timed_out(const AskingPtr& asking) {
    give_up(asking, fmt::format("{} did not answer within {}",
                                asking->asks_portmapper() ? "the portmapper" : "rstatd",
                                in_words(asking->timeout)));
}

void RstatAsker::Impl::give_up(const AskingPtr& asking, const std::string& why) {
    // It may have been started again elsewhere.
    found_.erase(asking->address);
    finish(asking, fail(why));
}

void RstatAsker::Impl::finish(const AskingPtr& asking, const Result<LoadReading>& reading) {
    auto on_reading = std::exchange(asking->on_reading, nullptr);
    asking->deadline.cancel();
    asking->again.cancel();
    std::erase_if(under_way_, [&](const auto& item) { return item.second == asking; });
    if (!on_reading) return;
    asio::post(loop_, [weak = weak_from_this(), on_reading = std::move(on_reading), reading] {
        if (!weak.expired()) on_reading(reading);
    });
}

RstatAsker::RstatAsker(asio::io_context& loop) : impl_(std::make_shared<Impl>(loop)), loop_(loop) {}

RstatAsker::~RstatAsker() {
    impl_->close();
}

void RstatAsker::ask(const net::Address& address, std::uint16_t port, std::uint16_t portmapper_port,
                     Milliseconds timeout, OnReading on_reading) {
    auto asking = std::make_shared<Asking>(loop_, std::move(on_reading));
    asking->address = address;
    asking->given_port = port;
    asking->portmapper_port = portmapper_port;
    asking->timeout = timeout;
    impl_->ask(std::move(asking));
}

}  // namespace shoal::health
