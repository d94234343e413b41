// GoogleTest first: Debian's rapidcheck needs it so.
#include "dataplane/bpf/port_assignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>

namespace shoal::dataplane {
namespace {

using ::testing::ElementsAre;

const Endpoint endpoint{model::Protocol::tcp, net::Address::parse("192.0.2.80").value()};

/// As the packet path looks a port up.
std::optional<std::uint32_t> look_up(const PortAssignment& assignment, std::uint16_t port) {
    if (const auto found = assignment.exact.find(port); found != assignment.exact.end()) {
        return found->second;
    }
    for (int length = 16; length >= 0; --length) {
        const auto start = static_cast<std::uint16_t>(port & (0xffff0000U >> length));
        const auto found = assignment.prefixes.find({start, static_cast<std::uint8_t>(length)});
        if (found != assignment.prefixes.end()) return found->second;
    }
    return std::nullopt;
}

/// By port; -1 for nobody's.
using Owners = std::vector<int>;

void paint(Owners& owners, std::uint32_t first, std::uint32_t end, std::uint32_t service) {
    std::fill(owners.begin() + first, owners.begin() + end, static_cast<int>(service));
}

/// Who has each port by the rules: the strongest claims last, over the others.
Owners owners_by_rule(std::vector<ServiceClaim> claims) {
    std::ranges::sort(claims, std::greater(), [](const ServiceClaim& claim) {
        return std::pair(claim.claim.kind, claim.service);
    });
    Owners owners(0x10000, -1);
    for (const auto& [service, claim] : claims)
        paint(owners, claim.first, claim.last + 1U, service);
    return owners;
}

Owners owners_by_table(const PortAssignment& assignment) {
    Owners owners(0x10000, -1);
    for (const auto& [prefix, service] : assignment.prefixes)
        paint(owners, prefix.port, prefix.port + (0x10000U >> prefix.length), service);
    for (const auto& [port, service] : assignment.exact)
        paint(owners, port, port + 1U, service);
    return owners;
}

/// Ports near one another and near the ends, so that claims meet.
std::uint16_t some_port() {
    return *rc::gen::oneOf(
        rc::gen::inRange<std::uint16_t>(1, 40), rc::gen::inRange<std::uint16_t>(1000, 1100),
        rc::gen::inRange<std::uint16_t>(65500, 65535), rc::gen::just<std::uint16_t>(65535),
        rc::gen::inRange<std::uint16_t>(1, 65535));
}

std::vector<ServiceClaim> some_claims() {
    std::vector<ServiceClaim> claims;
    const auto count = *rc::gen::inRange(0, 12);
    for (int i = 0; i < count; ++i) {
        const std::uint16_t one = some_port();
        const std::uint16_t other = *rc::gen::inRange(0, 2) == 0 ? one : some_port();
        const bool any = *rc::gen::inRange(0, 8) == 0;
        claims.push_back({*rc::gen::inRange(0U, 6U),
                          {endpoint, static_cast<ClaimKind>(*rc::gen::inRange(0, 4)),
                           any ? std::uint16_t{0} : std::min(one, other),
                           any ? std::uint16_t{0xffff} : std::max(one, other)}});
    }
    return claims;
}

RC_GTEST_PROP(PortAssignment, every_port_has_the_owner_that_the_rules_name, ()) {
    const auto claims = some_claims();
    RC_ASSERT(owners_by_table(assign_ports(claims)) == owners_by_rule(claims));
}

RC_GTEST_PROP(PortAssignment, prefixes_are_disjoint, ()) {
    std::uint32_t end = 0;
    for (const auto& [prefix, service] : assign_ports(some_claims()).prefixes) {
        RC_ASSERT(prefix.port >= end);
        end = prefix.port + (0x10000U >> prefix.length);
    }
}

RC_GTEST_PROP(PortAssignment, the_ports_of_the_strongest_are_told_back, ()) {
    auto claims = some_claims();
    for (ServiceClaim& claim : claims) {
        if (claim.service == 0) claim.claim.kind = ClaimKind::mark;
    }
    std::vector<bool> told(0x10000, false);
    for (model::PortRange range : ports_of(assign_ports(claims), 0)) {
        if (range.is_any()) range.last = 0xffff;
        std::fill(told.begin() + range.first, told.begin() + range.last + 1, true);
    }
    std::vector<bool> had;
    for (const int owner : owners_by_rule(claims))
        had.push_back(owner == 0);
    RC_ASSERT(told == had);
}

/// What is added shadows what is deleted later, exact entries around prefixes: a packet meets the
/// old owner or the new one.
RC_GTEST_PROP(PortAssignment, a_change_entry_by_entry_has_no_gap, ()) {
    const auto before = some_claims();
    const auto after = some_claims();
    const PortAssignment old = assign_ports(before);
    const PortAssignment wanted = assign_ports(after);
    std::vector<std::uint16_t> ports{0, 65535};
    for (int i = 0; i < 20; ++i)
        ports.push_back(some_port());
    PortAssignment now = old;
    const auto check = [&] {
        for (const std::uint16_t port : ports) {
            const auto found = look_up(now, port);
            RC_ASSERT(found == look_up(old, port) || found == look_up(wanted, port));
        }
    };
    for (const auto& [port, service] : wanted.exact) {
        now.exact[port] = service;
        check();
    }
    for (const auto& [prefix, service] : wanted.prefixes) {
        now.prefixes[prefix] = service;
        check();
    }
    for (const auto& [prefix, service] : old.prefixes) {
        if (!wanted.prefixes.contains(prefix)) now.prefixes.erase(prefix);
        check();
    }
    for (const auto& [port, service] : old.exact) {
        if (!wanted.exact.contains(port)) now.exact.erase(port);
        check();
    }
    RC_ASSERT(now == wanted);
}

TEST(PortAssignment, a_range_becomes_the_fewest_prefixes) {
    EXPECT_THAT(to_prefixes(0, 65535), ElementsAre(PortPrefix{0, 0}));
    EXPECT_THAT(to_prefixes(1024, 65535),
                ElementsAre(PortPrefix{1024, 6}, PortPrefix{2048, 5}, PortPrefix{4096, 4},
                            PortPrefix{8192, 3}, PortPrefix{16384, 2}, PortPrefix{32768, 1}));
    EXPECT_THAT(to_prefixes(8000, 8002), ElementsAre(PortPrefix{8000, 15}, PortPrefix{8002, 16}));
}

TEST(PortAssignment, a_persistent_ftp_service_takes_the_data_ports) {
    const ServiceKey ftp{model::Protocol::tcp, endpoint.address, 21};
    ServiceOptions options;
    EXPECT_EQ(claims_of(ftp, options).size(), 1U);
    options.persistence.emplace();
    std::vector<ServiceClaim> claims;
    for (const PortClaim& claim : claims_of(ftp, options))
        claims.push_back({1, claim});
    const ServiceKey web{model::Protocol::tcp, endpoint.address, 8080};
    for (const PortClaim& claim : claims_of(web, {}))
        claims.push_back({2, claim});
    const ServiceKey rest{model::Protocol::tcp, endpoint.address, 0};
    for (const PortClaim& claim : claims_of(rest, {}))
        claims.push_back({3, claim});
    const PortAssignment assignment = assign_ports(claims);
    EXPECT_EQ(look_up(assignment, 20), 1U);
    EXPECT_EQ(look_up(assignment, 21), 1U);
    EXPECT_EQ(look_up(assignment, 1023), 3U);
    EXPECT_EQ(look_up(assignment, 1024), 1U);
    EXPECT_EQ(look_up(assignment, 8080), 2U);
    EXPECT_EQ(look_up(assignment, 65535), 1U);
}

TEST(PortAssignment, claims_of_one_kind_on_one_port_collide) {
    const PortClaim range{endpoint, ClaimKind::ports, 8000, 8100};
    const PortClaim within{endpoint, ClaimKind::ports, 8080, 8080};
    const PortClaim beside{endpoint, ClaimKind::ports, 8101, 8101};
    const PortClaim marked{endpoint, ClaimKind::mark, 8080, 8080};
    EXPECT_TRUE(collide(range, within));
    EXPECT_TRUE(collide(within, range));
    EXPECT_FALSE(collide(range, beside));
    EXPECT_FALSE(collide(range, marked));
    const PortClaim datagrams{
        {model::Protocol::udp, endpoint.address}, ClaimKind::ports, 8080, 8080};
    EXPECT_FALSE(collide(range, datagrams));
}

}  // namespace
}  // namespace shoal::dataplane
