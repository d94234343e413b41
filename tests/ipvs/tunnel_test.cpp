#include <gtest/gtest.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <memory>
#include <random>
#include <set>

#include "net/netlink.h"
#include "net/next_hops.h"
#include "shoal_director.h"
#include "socket.h"
#include "tunnel_network.h"

// Tunnels that Shoal begins and the kernel of a real server ends, by its own devices.

namespace shoal::ipvs {
namespace {

using dataplane::AddServer;
using dataplane::AddService;
using dataplane::AttachHook;
using dataplane::DetachHook;
using dataplane::RemoveService;
using model::Protocol;

constexpr std::uint16_t port = 80;
constexpr std::size_t bulk_bytes = 1 << 19;

Content random_content(std::size_t size) {
    std::minstd_rand random(4711);
    Content content(size);
    std::ranges::generate(content, [&] { return static_cast<char>(random()); });
    return content;
}

class Tunnels : public ::testing::TestWithParam<Way> {
  protected:
    static void SetUpTestSuite() {
        network_ = std::make_unique<TunnelNetwork>();
        apply({AttachHook{"wan0", model::HookChoice::tc}});
        announce_next_hops();
    }
    static void TearDownTestSuite() {
        apply({DetachHook{"wan0"}});
        network_.reset();
    }
    void SetUp() override { virtual_address_ = network().add_virtual_address(way().inner_v6); }
    void TearDown() override {
        apply({RemoveService{served_}});
        EXPECT_EQ(network().losses(), "");
    }

    static TunnelNetwork& network() { return *network_; }
    static const Way& way() { return GetParam(); }
    const net::Address& virtual_address() const { return virtual_address_; }

    void serve(Protocol protocol) {
        served_ = {protocol, virtual_address_, port};
        dataplane::Server server{{way().real_server(), port}};
        server.method = model::ForwardingMethod::tunnel;
        server.tunnel.type = way().tunnel;
        if (way().tunnel == model::TunnelType::gue) server.tunnel.port = model::default_tunnel_port;
        apply({AddService{served_, {model::Scheduler::rr}}, AddServer{served_, server}});
    }

    static Socket client(int type) {
        return Socket::make(network().client(), type, way().inner_v6);
    }
    Socket server(int type) const {
        Socket socket = Socket::make(network().server(), type, way().inner_v6);
        socket.bind(virtual_address_, port);
        return socket;
    }

    /// What the tunnel leaves of a link's packet, and that of a datagram's content.
    static std::size_t room() { return TunnelNetwork::mtu - way().overhead(); }
    static std::size_t longest() { return room() - (way().inner_v6 ? 40 : 20) - sizeof(udphdr); }

    /// The client's kernel is told; all its sockets know it then.
    void learn_path_mtu() const {
        const Socket asking = client(SOCK_DGRAM);
        asking.connect(virtual_address_, port);
        asking.forbid_fragments();
        asking.send(random_content(longest() + 1));
        EXPECT_EQ(asking.receive_error(), EMSGSIZE);
        EXPECT_EQ(asking.path_mtu(), static_cast<int>(room()));
    }

    /// From one end of a connection to the other, whose answer is as long.
    void carry_in_bulk(bool offloads) {
        network().set_offloads(offloads);
        serve(Protocol::tcp);
        const auto refused_before = ShoalDirector::of_this_process().count_of("too_big");
        const Socket listening = server(SOCK_STREAM);
        listening.listen();
        const Socket asking = client(SOCK_STREAM);
        asking.connect(virtual_address_, port);
        const Socket answering = listening.accept();
        for (const auto& [from, to] : {std::pair(&asking, &answering), {&answering, &asking}}) {
            const Content content = random_content(bulk_bytes);
            auto sending = std::async(std::launch::async, [&] {
                from->send(content);
                from->end_sending();
            });
            EXPECT_TRUE(to->receive_all() == content);
            sending.get();
        }
        // What the tunnel loses comes again, so that the content tells of no loss.
        const auto refused = ShoalDirector::of_this_process().count_of("too_big") - refused_before;
        EXPECT_LE(asking.segments_sent(), answering.segments_received() + refused);
    }

  private:
    static void apply(const std::vector<dataplane::Operation>& operations) {
        ShoalDirector::of_this_process().apply(operations);
    }
    static void announce_next_hops() {
        auto netlink = net::Netlink::open();
        ASSERT_TRUE(netlink) << netlink.error().message;
        std::set<net::Address> servers;
        for (const Way& each : every_way())
            servers.insert(each.real_server());
        net::NextHops hops(*netlink, [](const net::Address& server, const net::NextHop& hop) {
            ShoalDirector::of_this_process().set_next_hop(server, hop);
        });
        const auto tracked = hops.track(servers);
        ASSERT_TRUE(tracked) << tracked.error().message;
    }

    static std::unique_ptr<TunnelNetwork> network_;
    net::Address virtual_address_;
    dataplane::ServiceKey served_;
};

std::unique_ptr<TunnelNetwork> Tunnels::network_;

TEST_P(Tunnels, take_the_largest_datagram_that_fits_and_no_larger_one) {
    serve(Protocol::udp);
    const Socket answering = server(SOCK_DGRAM);
    const Socket asking = client(SOCK_DGRAM);
    asking.connect(virtual_address(), port);
    asking.forbid_fragments();
    const TunnelWatch watch(network(), way());
    const Content largest = random_content(longest());

    asking.send(largest);
    answering.connect_to_sender();
    EXPECT_TRUE(answering.receive() == largest);
    EXPECT_EQ(watch.next(), TunnelNetwork::mtu);
    answering.send(largest);
    EXPECT_TRUE(asking.receive() == largest);

    learn_path_mtu();
}

TEST_P(Tunnels, carry_the_fragments_of_what_is_longer) {
    serve(Protocol::udp);
    const Socket answering = server(SOCK_DGRAM);
    const Socket asking = client(SOCK_DGRAM);
    asking.connect(virtual_address(), port);
    learn_path_mtu();
    const Content longer = random_content(8000);
    asking.send(longer);
    EXPECT_TRUE(answering.receive() == longer);
}

TEST_P(Tunnels, carry_errors_about_the_real_servers_answers) {
    serve(Protocol::udp);
    const Socket answering = server(SOCK_DGRAM);
    {
        const Socket asking = client(SOCK_DGRAM);
        asking.connect(virtual_address(), port);
        asking.send(random_content(1));
        answering.connect_to_sender();
        (void)answering.receive();
    }
    answering.send(random_content(1));
    EXPECT_EQ(answering.receive_error(), ECONNREFUSED);
}

TEST_P(Tunnels, carry_both_ways_in_bulk) {
    carry_in_bulk(true);
}

TEST_P(Tunnels, carry_in_bulk_where_the_device_neither_cuts_nor_sums) {
    carry_in_bulk(false);
}

INSTANTIATE_TEST_SUITE_P(ByTheKernel, Tunnels, ::testing::ValuesIn(every_way()),
                         [](const auto& tested) { return tested.param.name(); });

}  // namespace
}  // namespace shoal::ipvs
