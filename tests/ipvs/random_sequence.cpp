#include "random_sequence.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ostream>

namespace shoal::ipvs {
namespace {

using dataplane::AddServer;
using dataplane::AddService;
using dataplane::EditServer;
using dataplane::RemoveServer;
using model::ForwardingMethod;
using namespace std::chrono_literals;

// A connection in CLOSE is forgotten after ten seconds: by the kernel at once, by Shoal's sweeper
// within one more. A sequence ends before that.
constexpr auto longest = 8s;

std::string describe(const dataplane::Server& server) {
    return fmt::format(" weight {} thresholds {} {}", server.weight, server.upper_threshold,
                       server.lower_threshold);
}

}  // namespace

void PrintTo(const Scenario& scenario, std::ostream* out) {
    *out << scenario.name;
}

void RandomSequence::run(std::uint32_t seed, const Scenario& scenario, std::uint16_t port) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    scenario_ = scenario;
    port_ = port;
    random_.seed(seed);
    const auto end = std::chrono::steady_clock::now() + longest;
    ASSERT_NO_FATAL_FAILURE(begin());
    for (unsigned step = 0; step < scenario.steps && std::chrono::steady_clock::now() < end;
         ++step) {
        take_step();
        if (!HasFatalFailure() && step % 8 == 0) compare_servers(key_);
        if (HasFatalFailure()) FAIL() << "after these steps:\n" << history_;
    }
    ASSERT_NO_FATAL_FAILURE(compare_servers(key_));
    ASSERT_NO_FATAL_FAILURE(compare_connections());
    ASSERT_NO_FATAL_FAILURE(compare_templates(key_));
}

void RandomSequence::begin() {
    servers_.clear();
    flows_.clear();
    history_.clear();
    key_ = service(port_);
    if (scenario_.addresses != 0) {
        key_ = mark();
        scenario_.options.matches = matches(scenario_.addresses);
    }
    std::vector<dataplane::Operation> operations{AddService{key_, scenario_.options}};
    const unsigned count =
        scenario_.least_servers + upto(scenario_.most_servers - scenario_.least_servers);
    for (unsigned i = 0; i < count; ++i)
        operations.emplace_back(AddServer{key_, new_server()});
    change(operations);
}

void RandomSequence::change(const std::vector<dataplane::Operation>& operations) {
    for (const auto& operation : operations) {
        history_ += dataplane::to_string(operation);
        if (const auto* edit = std::get_if<EditServer>(&operation))
            history_ += describe(edit->server);
        if (const auto* add = std::get_if<AddServer>(&operation)) history_ += describe(add->server);
        history_ += "\n";
    }
    apply(operations);
}

void RandomSequence::exchange(Flow& flow, std::uint8_t flags) {
    history_ += fmt::format("{}:{} sends {:#x} to {} (was with {})", flow.client.to_string(),
                            flow.client_port, flags, flow.virtual_address.to_string(),
                            flow.server ? flow.server->to_string() : "nobody");
    send(flow, flags);
    history_ += fmt::format(" to {}\n", flow.server ? flow.server->to_string() : "nobody");
}

void RandomSequence::take_step() {
    const unsigned what = upto(99);
    if (what < 55) return open();
    if (what < 80) return go_on();
    if (what < 88) return edit_server();
    if (what < 93) return add_server();
    if (what < 96) return remove_server();
    change_thresholds();
}

void RandomSequence::open() {
    Flow flow{net::Address::v4(htonl(0x14000001 + upto(0x00fffffe))),
              static_cast<std::uint16_t>(1024 + upto(60000)), virtual_address(), port_};
    if (scenario_.addresses != 0) {
        flow.virtual_address = further_address(upto(scenario_.addresses - 1));
        flow.virtual_port = 80;
        flow.mark = key_.mark;
    }
    ASSERT_NO_FATAL_FAILURE(exchange(flow, syn));
    if (flow.server) flows_.push_back(flow);
}

void RandomSequence::go_on() {
    if (flows_.empty()) return;
    Flow& flow = flows_[some_place(flows_.size())];
    constexpr std::array<std::uint8_t, 4> kinds{ack, fin | ack, rst, syn};
    const std::uint8_t flags = kinds.at(some_place(kinds.size()));
    if (is_by_nat(*flow.server) && upto(1) != 0) {
        history_ += fmt::format("{} answers {}:{} with {:#x}\n", flow.server->to_string(),
                                flow.client.to_string(), flow.client_port, flags);
        return answer(flow, flags == syn ? syn | ack : flags);
    }
    ASSERT_NO_FATAL_FAILURE(exchange(flow, flags));
    // Where it was scheduled afresh, the kernel still counts the old one for a moment.
    if (flags == syn) ASSERT_NO_FATAL_FAILURE(settle());
    std::erase_if(flows_, [](const Flow& each) { return !each.server; });
}

void RandomSequence::edit_server() {
    if (servers_.empty()) return;
    auto& server = servers_[some_place(servers_.size())];
    server.weight = some_weight();
    change({EditServer{key_, server}});
}

void RandomSequence::add_server() {
    if (next_server_ < 500) change({AddServer{key_, new_server()}});
}

/// Its connections are poked, so that both directors end them.
void RandomSequence::remove_server() {
    if (servers_.empty()) return;
    const auto place = servers_.begin() + static_cast<std::ptrdiff_t>(some_place(servers_.size()));
    const auto removed = *place;
    servers_.erase(place);
    change({RemoveServer{key_, removed.key}});
    for (Flow& flow : flows_) {
        if (flow.server == removed.key.address) ASSERT_NO_FATAL_FAILURE(exchange(flow, ack));
    }
    std::erase_if(flows_, [](const Flow& flow) { return !flow.server; });
    settle();
}

void RandomSequence::change_thresholds() {
    if (servers_.empty()) return;
    auto& server = servers_[some_place(servers_.size())];
    server.upper_threshold = upto(6);
    server.lower_threshold = server.upper_threshold == 0 ? 0 : upto(server.upper_threshold);
    change({EditServer{key_, server}});
}

bool RandomSequence::is_by_nat(const net::Address& server) const {
    return std::ranges::any_of(servers_, [&](const dataplane::Server& each) {
        return each.key.address == server && each.method == ForwardingMethod::nat;
    });
}

/// One that is not in the list; put at its head, as the directors do.
dataplane::Server RandomSequence::new_server() {
    const auto method = upto(1) != 0 ? ForwardingMethod::nat : ForwardingMethod::direct;
    auto server = real_server(next_server_++, some_weight(), method);
    // Direct routing translates no port.
    if (method == ForwardingMethod::direct) server.key.port = key_.mark != 0 ? 0 : port_;
    servers_.insert(servers_.begin(), server);
    return server;
}

std::uint32_t RandomSequence::some_weight() {
    const unsigned kind = upto(9);
    if (kind == 0) return 0;
    if (kind == 1) return upto(65535);
    return 1 + upto(9);
}

std::size_t RandomSequence::some_place(std::size_t count) {
    return upto(static_cast<unsigned>(count) - 1);
}

unsigned RandomSequence::upto(unsigned most) {
    return std::uniform_int_distribution(0U, most)(random_);
}

}  // namespace shoal::ipvs
