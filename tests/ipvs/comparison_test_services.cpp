#include <fmt/format.h>

#include <chrono>

#include "side_by_side.h"

// Which packets are a virtual server's, and what a first packet must be.

namespace shoal::ipvs {
namespace {

using dataplane::AddServer;
using dataplane::AddService;
using dataplane::EditServer;
using dataplane::EditService;
using dataplane::ServiceOptions;
using model::ForwardingMethod;
using model::Protocol;
using model::Scheduler;
using namespace std::chrono_literals;

class Services : public SideBySide {
  protected:
    Flow flow(std::uint16_t client_port, std::uint16_t port = 80,
              Protocol protocol = Protocol::tcp) const {
        return {client_address(), client_port, virtual_address(), port, protocol};
    }

    void serve(const dataplane::ServiceKey& key, const ServiceOptions& options,
               ForwardingMethod method = ForwardingMethod::nat) {
        std::vector<dataplane::Operation> operations{AddService{key, options}};
        for (unsigned i = 0; i < 3; ++i) {
            auto server = real_server(i, 1, method);
            if (!key.port.is_single()) server.key.port = 0;
            operations.emplace_back(AddServer{key, server});
        }
        apply(operations);
    }
};

TEST_F(Services, by_udp) {
    const auto key = service(80, Protocol::udp);
    serve(key, {Scheduler::wlc});
    for (std::uint16_t port = 3000; port < 3010; ++port) {
        Flow client = flow(port, 80, Protocol::udp);
        ASSERT_NO_FATAL_FAILURE(send(client));
        ASSERT_NO_FATAL_FAILURE(answer(client));
        ASSERT_NO_FATAL_FAILURE(send(client));
    }
    compare_connections();
    compare_servers(key);
}

TEST_F(Services, that_schedule_each_datagram_on_its_own) {
    const auto key = service(53, Protocol::udp);
    ServiceOptions options{Scheduler::rr};
    options.one_packet = true;
    serve(key, options, ForwardingMethod::direct);
    Flow client = flow(3000, 53, Protocol::udp);
    for (int i = 0; i < 6; ++i)
        ASSERT_NO_FATAL_FAILURE(send(client));
    settle();
    compare_connections();
    compare_servers(key);
}

TEST_F(Services, of_several_ports_by_a_mark) {
    ServiceOptions options{Scheduler::rr};
    options.matches = {{Protocol::tcp, virtual_address(), 80},
                       {Protocol::tcp, virtual_address(), 443}};
    serve(mark(), options);
    for (std::uint16_t port = 3000; port < 3006; ++port) {
        for (const std::uint16_t to : std::initializer_list<std::uint16_t>{80, 443}) {
            Flow client = flow(port, to);
            client.mark = mark().mark;
            ASSERT_NO_FATAL_FAILURE(send(client, syn));
        }
    }
    Flow unmarked = flow(3000, 8080);
    ASSERT_NO_FATAL_FAILURE(send(unmarked, syn));
    EXPECT_FALSE(unmarked.server);
    compare_connections();
    compare_servers(mark());
}

TEST_F(Services, of_a_mark_with_persistence_keep_a_client_across_ports) {
    ServiceOptions options{Scheduler::rr};
    options.persistence = model::Persistence{300s};
    options.matches = {{Protocol::tcp, virtual_address(), 80},
                       {Protocol::tcp, virtual_address(), 443}};
    serve(mark(), options);
    for (std::uint16_t port = 3000; port < 3004; ++port) {
        for (const std::uint16_t to : std::initializer_list<std::uint16_t>{80, 443}) {
            Flow client = flow(port, to);
            client.client = address(fmt::format("198.51.100.{}", 10 + port % 2));
            client.mark = mark().mark;
            ASSERT_NO_FATAL_FAILURE(send(client, syn));
        }
    }
    compare_templates(mark());
    compare_connections();
    compare_servers(mark());
}

TEST_F(Services, schedule_any_segment_that_has_a_syn) {
    serve(service(), {Scheduler::rr});
    std::uint16_t port = 3000;
    for (const int others : {0, +ack, +fin, +rst, ack | fin, 0x08 /* PSH */}) {
        Flow client = flow(port++);
        ASSERT_NO_FATAL_FAILURE(send(client, static_cast<std::uint8_t>(syn | others)));
    }
    for (const int others : {+ack, +fin, +rst, 0}) {
        Flow client = flow(port++);
        ASSERT_NO_FATAL_FAILURE(send(client, static_cast<std::uint8_t>(others)));
        EXPECT_FALSE(client.server);
    }
    compare_connections();
    compare_servers(service());
}

TEST_F(Services, never_schedule_what_comes_from_port_20) {
    serve(service(), {Scheduler::rr});
    Flow client = flow(20);
    ASSERT_NO_FATAL_FAILURE(send(client, syn));
    EXPECT_FALSE(client.server);
    compare_connections();
}

TEST_F(Services, without_a_usable_server_drop) {
    serve(service(), {Scheduler::wlc});
    for (unsigned i = 0; i < 3; ++i)
        apply(EditServer{service(), real_server(i, 0)});
    Flow client = flow(3000);
    ASSERT_NO_FATAL_FAILURE(send(client, syn));
    EXPECT_FALSE(client.server);
    compare_connections();
}

TEST_F(Services, begin_afresh_under_another_scheduler) {
    serve(service(), {Scheduler::rr});
    std::uint16_t port = 3000;
    for (const auto scheduler : {Scheduler::rr, Scheduler::wrr, Scheduler::rr, Scheduler::wlc,
                                 Scheduler::wrr, Scheduler::lc, Scheduler::rr}) {
        apply(EditService{service(), {scheduler}});
        for (int i = 0; i < 4; ++i) {
            Flow client = flow(port++);
            ASSERT_NO_FATAL_FAILURE(send(client, syn));
        }
    }
    compare_connections();
    compare_servers(service());
}

TEST_F(Services, use_the_time_outs_that_are_set) {
    serve(service(), {Scheduler::rr});
    model::ConnectionTimeouts timeouts;
    timeouts.established = 500s;
    timeouts.fin_wait = 50s;
    apply(dataplane::SetTimeouts{timeouts});
    Flow client = flow(3000);
    for (const int flags : {+syn, +ack, fin | ack})
        ASSERT_NO_FATAL_FAILURE(send(client, static_cast<std::uint8_t>(flags)));
    compare_connections();
    apply(dataplane::SetTimeouts{model::ConnectionTimeouts{}});
}

}  // namespace
}  // namespace shoal::ipvs
