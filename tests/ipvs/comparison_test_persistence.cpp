#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "side_by_side.h"

// Persistence: which real server a returning client gets, and how long that is remembered.

namespace shoal::ipvs {
namespace {

using dataplane::AddServer;
using dataplane::AddService;
using dataplane::EditServer;
using dataplane::RemoveServer;
using dataplane::ServiceOptions;
using model::ForwardingMethod;
using model::Protocol;
using model::Scheduler;
using namespace std::chrono_literals;

ServiceOptions persistent(std::chrono::seconds timeout, std::uint8_t netmask = 32,
                          Scheduler scheduler = Scheduler::rr) {
    ServiceOptions options{scheduler};
    options.persistence = model::Persistence{timeout, netmask};
    return options;
}

std::vector<std::uint16_t> ports(std::initializer_list<std::uint16_t> list) {
    return list;
}

class Persistence : public SideBySide {
  protected:
    void serve(const dataplane::ServiceKey& key, const ServiceOptions& options,
               unsigned servers = 3) {
        key_ = key;
        std::vector<dataplane::Operation> operations{AddService{key, options}};
        for (unsigned i = 0; i < servers; ++i)
            operations.emplace_back(AddServer{key, server(i)});
        apply(operations);
    }

    /// Where there are several ports the packets keep theirs.
    dataplane::Server server(unsigned number, std::uint32_t weight = 1) const {
        auto real = real_server(number, weight);
        if (key_.port.is_any()) real.key.port = 0;
        return real;
    }

    Flow visit(const std::string& client, std::uint16_t client_port, std::uint16_t port) {
        Flow flow{address(client), client_port, virtual_address(), port, key_.protocol};
        send(flow, syn);
        return flow;
    }

    /// Everything that can be listed.
    void compare() {
        compare_templates(key_);
        compare_connections();
        compare_servers(key_);
    }

    dataplane::ServiceKey key_;
};

TEST_F(Persistence, brings_a_client_back_to_its_real_server) {
    serve(service(), persistent(300s));
    for (std::uint16_t round = 0; round < 3; ++round) {
        for (const char* client : {"198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"})
            ASSERT_NO_FATAL_FAILURE(visit(client, static_cast<std::uint16_t>(3000 + round), 80));
    }
    compare();
}

TEST_F(Persistence, masks_the_clients_address) {
    serve(service(), persistent(360s, 24));
    for (const char* client : {"198.51.100.1", "198.51.100.200", "198.51.101.1", "198.51.100.3"})
        ASSERT_NO_FATAL_FAILURE(visit(client, 3000, 80));
    compare();
}

TEST_F(Persistence, of_any_port_holds_across_ports) {
    serve(service(0), persistent(300s));
    for (const std::uint16_t port : ports({80, 443, 8080, 21, 1, 65535})) {
        ASSERT_NO_FATAL_FAILURE(visit("198.51.100.1", 3000, port));
        ASSERT_NO_FATAL_FAILURE(visit("198.51.100.2", 3000, port));
    }
    compare();
}

TEST_F(Persistence, of_an_ftp_service_takes_its_data_ports_too) {
    serve(service(21), persistent(300s));
    const auto ftp = visit("198.51.100.1", 3000, 21);
    for (const std::uint16_t port : ports({20, 1023, 1024, 30000, 65535, 22, 80}))
        ASSERT_NO_FATAL_FAILURE(visit("198.51.100.1", 3001, port));
    compare();
    EXPECT_TRUE(ftp.server);
}

TEST_F(Persistence, gives_up_a_quiesced_server) {
    serve(service(), persistent(300s));
    const Flow first = visit("198.51.100.1", 3000, 80);
    ASSERT_TRUE(first.server);
    for (unsigned i = 0; i < 3; ++i) {
        if (server_address(i) == *first.server) apply(EditServer{key_, server(i, 0)});
    }
    const Flow second = visit("198.51.100.1", 3001, 80);
    EXPECT_NE(second.server, first.server);
    compare();
}

TEST_F(Persistence, of_a_removed_server_begins_anew) {
    serve(service(), persistent(300s));
    Flow first = visit("198.51.100.1", 3000, 80);
    ASSERT_TRUE(first.server);
    for (unsigned i = 0; i < 3; ++i) {
        if (server_address(i) == *first.server) apply(RemoveServer{key_, server(i).key});
    }
    const Flow second = visit("198.51.100.1", 3001, 80);
    EXPECT_NE(second.server, first.server);
    ASSERT_NO_FATAL_FAILURE(send(first, ack));
    settle();
    compare();
}

TEST_F(Persistence, reschedules_a_syn_to_a_quiesced_server_on_known_ports) {
    serve(service(), persistent(300s));
    Flow flow = visit("198.51.100.1", 3000, 80);
    ASSERT_TRUE(flow.server);
    const auto before = flow.server;
    for (unsigned i = 0; i < 3; ++i) {
        if (server_address(i) == *before) apply(EditServer{key_, server(i, 0)});
    }
    ASSERT_NO_FATAL_FAILURE(send(flow, syn));
    settle();
    compare();
}

TEST_F(Persistence, keeps_a_connection_that_begins_again_after_its_end) {
    serve(service(), persistent(300s));
    Flow flow = visit("198.51.100.1", 3000, 80);
    for (const std::uint8_t flags : {ack, rst, syn, ack})
        ASSERT_NO_FATAL_FAILURE(send(flow, flags));
    compare();
}

TEST_F(Persistence, is_counted_from_the_last_opening) {
    const dataplane::ServiceKey udp = service(53, Protocol::udp);
    model::ConnectionTimeouts timeouts;
    timeouts.udp = 4s;
    apply(dataplane::SetTimeouts{timeouts});
    serve(udp, persistent(60s));
    ASSERT_NO_FATAL_FAILURE(visit("198.51.100.1", 3000, 53));
    const auto end = std::chrono::steady_clock::now() + 20s;
    const std::vector<net::Prefix> own{{virtual_address(), 32}};
    while (!kernel().connections(own).empty() || !shoal().connections(own).empty()) {
        ASSERT_LT(std::chrono::steady_clock::now(), end) << "the connections do not end";
        std::this_thread::sleep_for(20ms);
    }
    compare();
    apply(dataplane::SetTimeouts{model::ConnectionTimeouts{}});
}

}  // namespace
}  // namespace shoal::ipvs
