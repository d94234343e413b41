#include "net/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace shoal::net {
namespace {

TEST(Address, reads_and_prints_both_families) {
    EXPECT_EQ(Address::parse("192.0.2.80")->to_string(), "192.0.2.80");
    EXPECT_EQ(Address::parse("192.0.2.80")->v4_bits(), htonl(0xc0000250));
    EXPECT_EQ(Address::parse("2001:DB8:0::1")->to_string(), "2001:db8::1");
    for (const auto* wrong : {"", "192.0.2", "192.0.2.256", "web-1", "1.2.3.4:80", "1.2.3.4/24"}) {
        EXPECT_FALSE(Address::parse(wrong)) << wrong;
    }
}

TEST(Prefix, keeps_the_host_bits) {
    const auto prefix = Prefix::parse("192.0.2.80/24");
    ASSERT_TRUE(prefix);
    EXPECT_EQ(prefix->to_string(), "192.0.2.80/24");
    EXPECT_EQ(Prefix::parse("192.0.2.80")->length, 32);
    for (const auto* wrong : {"192.0.2.80/", "192.0.2.80/33", "192.0.2.80/-1", "192.0.2.80/2x"}) {
        EXPECT_FALSE(Prefix::parse(wrong)) << wrong;
    }
}

TEST(Prefix, contains_its_network_and_nothing_else) {
    const auto prefix = Prefix::parse("192.0.2.80/25").value();
    EXPECT_TRUE(prefix.contains(Address::parse("192.0.2.127").value()));
    EXPECT_FALSE(prefix.contains(Address::parse("192.0.2.128").value()));
    EXPECT_FALSE(prefix.contains(Address::parse("2001:db8::1").value()));
    EXPECT_TRUE(Prefix::parse("0.0.0.0/0")->contains(Address::parse("203.0.113.9").value()));
}

TEST(MacAddress, prints_six_pairs) {
    EXPECT_EQ((MacAddress{{0x02, 0, 0, 0xab, 0xcd, 0xef}}.to_string()), "02:00:00:ab:cd:ef");
}

}  // namespace
}  // namespace shoal::net
