#include "health/loads/rwho.h"

#include <gtest/gtest.h>

namespace shoal::health {
namespace {

void put(std::string& packet, std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i)
        packet[at + i] = static_cast<char>(value >> (24 - 8 * i));
}

std::string packet_of(std::string_view host, std::uint32_t load_in_hundredths) {
    std::string packet(60, '\0');
    packet[0] = packet[1] = 1;
    put(packet, 4, 1'700'000'100);
    packet.replace(12, host.size(), host);
    put(packet, 44, load_in_hundredths);
    put(packet, 48, 999);
    put(packet, 56, 1'700'000'000);
    return packet;
}

TEST(Rwho, reads_host_times_and_load) {
    const auto packet = read_rwho(packet_of("web-1", 150));
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->host, "web-1");
    EXPECT_EQ(packet->load, 1.5);
    EXPECT_EQ(packet->sent, 1'700'000'100);
    EXPECT_EQ(packet->booted, 1'700'000'000);
}

TEST(Rwho, takes_a_name_that_fills_its_room) {
    const std::string name(32, 'x');
    EXPECT_EQ(read_rwho(packet_of(name, 1))->host, name);
}

TEST(Rwho, does_not_mind_users_behind_the_head) {
    EXPECT_TRUE(read_rwho(packet_of("web-1", 1) + std::string(5, 'u')));
}

TEST(Rwho, leaves_the_judgement_of_a_negative_load_to_others) {
    EXPECT_EQ(read_rwho(packet_of("web-1", 0xFFFFFF9C))->load, -1);
}

TEST(Rwho, takes_nothing_else_for_a_packet) {
    const auto whole = packet_of("web-1", 1);
    EXPECT_FALSE(read_rwho(whole.substr(0, 59)));
    auto version = whole;
    version[0] = 2;
    EXPECT_FALSE(read_rwho(version));
    auto type = whole;
    type[1] = 0;
    EXPECT_FALSE(read_rwho(type));
}

}  // namespace
}  // namespace shoal::health
