#include "side_by_side.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace shoal::ipvs {
namespace {

using dataplane::testing::Endpoint;
using dataplane::testing::PacketBuilder;
using namespace std::chrono_literals;

constexpr std::int64_t slack_s = 2;
constexpr dataplane::testing::Mac far_mac{0x02, 0, 0, 0, 0, 0x01};

Bytes build(model::Protocol protocol, Endpoint from, Endpoint to, std::uint8_t flags,
            const dataplane::testing::Mac& director) {
    auto packet = protocol == model::Protocol::tcp ? PacketBuilder::tcp(from, to, flags)
                                                   : PacketBuilder::udp(from, to);
    return packet.macs(director, far_mac).build();
}

std::string describe(const ListedConnection& connection) {
    return fmt::format("{}:{} -> {}:{} -> {}:{} {} {} s", connection.client.to_string(),
                       connection.client_port, connection.virtual_address.to_string(),
                       connection.virtual_port, connection.real_address.to_string(),
                       connection.real_port, connection.state, connection.expires_in_s);
}

std::string describe(const ListedTemplate& entry) {
    return fmt::format("{} to {} {} s", entry.client.to_string(), entry.real_address.to_string(),
                       entry.expires_in_s);
}

template <class Entry>
bool are_one(const Entry& one, Entry other) {
    other.expires_in_s = one.expires_in_s;
    return one == other;
}

/// Of each entry in `these` that does not stand in `those` with the same time left. What is about
/// to end may have ended on one side already.
template <class Entry>
std::string missing(const char* whose, const std::vector<Entry>& these,
                    const std::vector<Entry>& those) {
    std::string text;
    for (const Entry& entry : these) {
        const auto found =
            std::ranges::find_if(those, [&](const Entry& each) { return are_one(entry, each); });
        const std::int64_t other = found == those.end() ? 0 : found->expires_in_s;
        if (std::abs(entry.expires_in_s - other) > slack_s)
            text += fmt::format("{}: {} (the other: {} s)\n", whose, describe(entry), other);
    }
    return text;
}

template <class Entry>
std::string differences(const std::vector<Entry>& ours, const std::vector<Entry>& kernel) {
    return missing("ours", ours, kernel) + missing("kernel", kernel, ours);
}

}  // namespace

std::unique_ptr<SideBySide::Directors> SideBySide::directors_;
unsigned SideBySide::next_number_ = 1;

net::Address address(const std::string& text) {
    auto parsed = net::Address::parse(text);
    if (!parsed) throw std::runtime_error(parsed.error().message);
    return *parsed;
}

net::Address server_address(unsigned number) {
    const unsigned place = number + 2 + number / 254 * 2;
    return address(fmt::format("10.2.{}.{}", place / 256, place % 256));
}

dataplane::Server real_server(unsigned number, std::uint32_t weight,
                              model::ForwardingMethod method) {
    return {{server_address(number), 80}, weight, method};
}

void SideBySide::SetUpTestSuite() {
    if (!directors_) directors_ = std::make_unique<Directors>();
    (void)ShoalDirector::of_this_process();
}

void SideBySide::SetUp() {
    number_ = next_number_++;
    ASSERT_LT(number_, 250U) << "no virtual address is left for this test";
    addresses_ = {{address(fmt::format("192.0.2.{}", number_)), 32},
                  {address(fmt::format("203.0.{}.0", number_)), 24}};
}

void SideBySide::TearDown() {
    EXPECT_THAT(shoal().self_check(), ::testing::IsEmpty());
    for (const auto& key : services_)
        apply(dataplane::RemoveService{key});
}

dataplane::ServiceKey SideBySide::service(std::uint16_t port, model::Protocol protocol) const {
    return {protocol, virtual_address(), port};
}

net::Address SideBySide::further_address(unsigned number) const {
    return net::Address::v4(addresses_.back().address.v4_bits() | htonl(number));
}

net::Address SideBySide::client_address() const {
    return address(fmt::format("198.51.100.{}", number_));
}

dataplane::ServiceKey SideBySide::mark() const {
    dataplane::ServiceKey key;
    key.mark = 1000 + number_;
    return key;
}

std::vector<dataplane::MarkMatch> SideBySide::matches(unsigned count) const {
    std::vector<dataplane::MarkMatch> all;
    for (unsigned number = 0; number < count; ++number)
        all.push_back({model::Protocol::tcp, further_address(number), 80});
    return all;
}

void SideBySide::apply(const std::vector<dataplane::Operation>& operations) {
    for (const auto& operation : operations) {
        if (const auto* add = std::get_if<dataplane::AddService>(&operation))
            services_.push_back(add->key);
    }
    kernel().apply(operations);
    shoal().apply(operations);
}

void SideBySide::send(Flow& flow, std::uint8_t flags) {
    const std::string client = flow.client.to_string();
    const std::string virtual_server = flow.virtual_address.to_string();
    const Bytes frame = build(flow.protocol, {client, flow.client_port},
                              {virtual_server, flow.virtual_port}, flags, client_side_mac);
    const Fate theirs = wire().from_client(frame, flow.mark);
    const Fate ours = shoal().from_client(frame);
    ASSERT_EQ(ours, theirs) << client << ":" << flow.client_port << " to " << virtual_server << ":"
                            << flow.virtual_port << " flags " << +flags;
    flow.server.reset();
    if (theirs.way != Fate::Way::to_server) return;
    flow.server = theirs.server;
    flow.server_port = static_cast<std::uint16_t>(theirs.packet.at(22) << 8 | theirs.packet.at(23));
}

void SideBySide::answer(const Flow& flow, std::uint8_t flags) {
    ASSERT_TRUE(flow.server) << "the flow reached no real server";
    const std::string client = flow.client.to_string();
    const std::string server = flow.server->to_string();
    const Bytes frame = build(flow.protocol, {server, flow.server_port}, {client, flow.client_port},
                              flags, server_side_mac);
    ASSERT_EQ(shoal().from_server(frame), wire().from_server(frame))
        << server << ":" << flow.server_port << " to " << client << ":" << flow.client_port;
}

void SideBySide::compare_servers(const dataplane::ServiceKey& key) {
    ASSERT_EQ(shoal().servers(key), kernel().servers(key)) << key.to_string();
}

void SideBySide::compare_connections() {
    // The kernel lists a page at a time, by number: where a connection ends meanwhile, others are
    // left out.
    std::string found;
    for (int attempt = 0; attempt < 5; ++attempt) {
        found = differences(shoal().connections(addresses_), kernel().connections(addresses_));
        if (found.empty()) return;
    }
    ASSERT_EQ(found, "");
}

void SideBySide::compare_templates(const dataplane::ServiceKey& key) {
    ASSERT_EQ(differences(shoal().templates(key), kernel().templates(key)), "") << key.to_string();
}

void SideBySide::settle() {
    const auto count = shoal().connections(addresses_).size();
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (kernel().connections(addresses_).size() > count) {
        ASSERT_LT(std::chrono::steady_clock::now(), end) << "kernel IPVS has more connections";
        std::this_thread::sleep_for(5ms);
    }
}

}  // namespace shoal::ipvs
