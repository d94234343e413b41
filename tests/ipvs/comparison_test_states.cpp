#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "side_by_side.h"

// Scripted TCP conversations: after each step both directors show the same connections in the same
// states with the same time left.

namespace shoal::ipvs {
namespace {

using dataplane::AddServer;
using dataplane::AddService;
using model::ForwardingMethod;
using model::Scheduler;
using namespace std::chrono_literals;

enum class From { client, server };
struct Segment {
    From from;
    std::uint8_t flags;
};

class TcpStates : public SideBySide {
  protected:
    void serve(ForwardingMethod method) {
        apply({AddService{service(), {Scheduler::rr}},
               AddServer{service(), real_server(0, 1, method)},
               AddServer{service(), real_server(1, 1, method)}});
    }

    Flow client(std::uint16_t port) const { return {client_address(), port, virtual_address()}; }

    void converse(Flow& flow, const std::vector<Segment>& segments) {
        for (const auto& segment : segments) {
            if (segment.from == From::client)
                ASSERT_NO_FATAL_FAILURE(send(flow, segment.flags));
            else
                ASSERT_NO_FATAL_FAILURE(answer(flow, segment.flags));
            ASSERT_NO_FATAL_FAILURE(compare_connections());
            ASSERT_NO_FATAL_FAILURE(compare_servers(service()));
        }
    }
};

TEST_F(TcpStates, of_a_nat_conversation_that_the_client_ends) {
    serve(ForwardingMethod::nat);
    Flow flow = client(1001);
    converse(flow, {{From::client, syn},
                    {From::server, syn | ack},
                    {From::client, ack},
                    {From::server, ack},
                    {From::client, fin | ack},
                    {From::server, ack},
                    {From::server, fin | ack},
                    {From::client, ack}});
}

TEST_F(TcpStates, of_a_nat_conversation_that_the_server_ends) {
    serve(ForwardingMethod::nat);
    Flow flow = client(1002);
    converse(flow, {{From::client, syn},
                    {From::server, syn | ack},
                    {From::client, ack},
                    {From::server, fin | ack},
                    {From::client, ack},
                    {From::client, fin | ack},
                    {From::server, ack}});
}

TEST_F(TcpStates, of_a_refused_connection) {
    serve(ForwardingMethod::nat);
    Flow flow = client(1003);
    converse(flow, {{From::client, syn}, {From::server, rst | ack}});
}

TEST_F(TcpStates, of_a_direct_routing_conversation) {
    serve(ForwardingMethod::direct);
    Flow flow = client(1004);
    converse(flow, {{From::client, syn},
                    {From::client, ack},
                    {From::client, ack},
                    {From::client, fin | ack},
                    {From::client, ack},
                    {From::client, rst}});
}

TEST_F(TcpStates, of_a_segment_without_flags) {
    serve(ForwardingMethod::nat);
    Flow flow = client(1005);
    converse(flow, {{From::client, syn}, {From::server, syn | ack}, {From::client, 0}});
}

struct Variant {
    ForwardingMethod method;
    bool secure_tcp;
};

/// Every sequence of segments behind a SYN, by whomever they are sent, so that every field of the
/// tables that can be reached at all is reached.
class EverySequence : public TcpStates, public ::testing::WithParamInterface<Variant> {
  protected:
    void SetUp() override {
        TcpStates::SetUp();
        if (GetParam().secure_tcp) set_secure_tcp(true);
    }
    void TearDown() override {
        if (GetParam().secure_tcp) set_secure_tcp(false);
        TcpStates::TearDown();
    }

    bool by_nat() const { return GetParam().method == ForwardingMethod::nat; }
    /// By direct routing no answer comes through here.
    std::vector<Segment> kinds() const {
        std::vector<Segment> all;
        for (const int flags : {+syn, fin | ack, +ack, +rst})
            all.push_back({From::client, static_cast<std::uint8_t>(flags)});
        for (const int flags : {syn | ack, fin | ack, +ack, +rst}) {
            if (by_nat()) all.push_back({From::server, static_cast<std::uint8_t>(flags)});
        }
        return all;
    }

    void follow(Flow& flow, unsigned sequence, unsigned length) {
        const auto all = kinds();
        std::string text = "syn";
        ASSERT_NO_FATAL_FAILURE(send(flow, syn));
        for (unsigned i = 0; i < length && flow.server; ++i) {
            const Segment& segment = all[sequence % all.size()];
            sequence /= static_cast<unsigned>(all.size());
            text +=
                fmt::format(" {}:{}", segment.from == From::client ? "in" : "out", segment.flags);
            SCOPED_TRACE(text);
            if (segment.from == From::server)
                ASSERT_NO_FATAL_FAILURE(answer(flow, segment.flags));
            else
                ASSERT_NO_FATAL_FAILURE(send(flow, segment.flags));
            // The kernel counts what is scheduled afresh twice for a moment.
            if (segment.flags == syn && i != 0) settle();
        }
    }

  private:
    /// Kernel IPVS turns its tables over once a second, when it looks at the memory.
    void set_secure_tcp(bool on) {
        shoal().apply(std::vector<dataplane::Operation>{dataplane::SetSecureTcp{on}});
        std::ofstream("/proc/sys/net/ipv4/vs/secure_tcp") << (on ? 3 : 0);
        const auto end = std::chrono::steady_clock::now() + 20s;
        for (std::uint16_t port = 1; state_of_a_syn(port) != (on ? "SYNACK" : "SYN_RECV"); ++port) {
            ASSERT_LT(std::chrono::steady_clock::now(), end) << "secure_tcp has no effect";
            std::this_thread::sleep_for(20ms);
        }
    }

    /// What the kernel alone makes of a SYN, on an address that no test has.
    std::string state_of_a_syn(std::uint16_t port) {
        const net::Prefix place{address("192.0.2.255"), 32};
        const dataplane::ServiceKey probe{model::Protocol::tcp, place.address, 80};
        kernel().apply(std::vector<dataplane::Operation>{
            AddService{probe, {Scheduler::rr}},
            AddServer{probe, real_server(0, 1, ForwardingMethod::direct)}});
        wire().from_client(dataplane::testing::PacketBuilder::tcp({"198.51.100.251", port},
                                                                  {"192.0.2.255", 80}, syn)
                               .macs(client_side_mac, {0x02, 0, 0, 0, 0, 1})
                               .build(),
                           0);
        std::string state;
        for (const auto& connection : kernel().connections(std::span(&place, 1))) {
            if (connection.client_port == port) state = connection.state;
        }
        kernel().apply(std::vector<dataplane::Operation>{dataplane::RemoveService{probe}});
        return state;
    }
};

TEST_P(EverySequence, ends_in_the_same_state) {
    const unsigned length = by_nat() ? 3 : 4;
    const unsigned count = by_nat() ? 512 : 256;
    serve(GetParam().method);
    for (unsigned sequence = 0; sequence < count; ++sequence) {
        Flow flow = client(static_cast<std::uint16_t>(2000 + sequence));
        ASSERT_NO_FATAL_FAILURE(follow(flow, sequence, length));
        // Often enough that none of these has ended yet.
        if (sequence % 64 == 63) ASSERT_NO_FATAL_FAILURE(compare_connections());
    }
}

INSTANTIATE_TEST_SUITE_P(By, EverySequence,
                         ::testing::Values(Variant{ForwardingMethod::nat, false},
                                           Variant{ForwardingMethod::nat, true},
                                           Variant{ForwardingMethod::direct, false},
                                           Variant{ForwardingMethod::direct, true}),
                         [](const auto& variant) {
                             return std::string(variant.param.method == ForwardingMethod::nat
                                                    ? "nat"
                                                    : "direct_routing") +
                                    (variant.param.secure_tcp ? "_with_secure_tcp" : "");
                         });

}  // namespace
}  // namespace shoal::ipvs
