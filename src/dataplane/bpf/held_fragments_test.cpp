#include "dataplane/bpf/held_fragments.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <set>

namespace shoal::dataplane {
namespace {

using std::chrono::milliseconds;

HeldFragments::Frame frame_of(std::initializer_list<int> bytes) {
    HeldFragments::Frame frame(12, std::byte{2});  // MAC addresses
    for (const int byte : bytes)
        frame.push_back(static_cast<std::byte>(byte));
    return frame;
}

/// 8 bytes at offset 1480 of the datagram `identification` of 198.51.100.7 to 192.0.2.80.
HeldFragments::Frame ipv4(int identification, int offset = 185) {
    return frame_of({0x08,
                     0,
                     0x45,
                     0,
                     0,
                     28,
                     0,
                     identification,
                     0x20 | offset >> 8,
                     offset & 0xff,
                     64,
                     17,
                     0,
                     0,
                     198,
                     51,
                     100,
                     7,
                     192,
                     0,
                     2,
                     80,
                     1,
                     2,
                     3,
                     4,
                     5,
                     6,
                     7,
                     8});
}

HeldFragments::Frame ipv6(bool with_options, int offset = 0x05) {
    auto frame = frame_of({0x86, 0xdd, 0x60, 0, 0, 0, 0, 16, with_options ? 60 : 44, 64});
    for (int i = 0; i < 32; ++i)
        frame.push_back(static_cast<std::byte>(i));
    if (with_options)
        for (const int byte : {44, 0, 1, 4, 0, 0, 0, 0})
            frame.push_back(static_cast<std::byte>(byte));
    for (const int byte : {17, 0, offset, 0xa1, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8})
        frame.push_back(static_cast<std::byte>(byte));
    return frame;
}

class HeldFragmentsTest : public ::testing::Test {
  protected:
    HeldFragments held;
    HeldFragments::Clock::time_point now{std::chrono::hours(1)};
    std::set<std::uint32_t> known;
    int looks = 0;

    std::vector<HeldFragments::Frame> take_after(milliseconds passed) {
        return held.take(now + passed, [this](const shoal_fragment_key& key) {
            ++looks;
            return known.contains(key.identification);
        });
    }
    static std::uint32_t identification_of(const HeldFragments::Frame& frame) {
        return fragment_key_of(frame).value().identification;
    }
};

TEST_F(HeldFragmentsTest, names_the_datagram_of_a_later_fragment) {
    const auto key = fragment_key_of(ipv4(5)).value();
    EXPECT_EQ(key.identification, __builtin_bswap16(5));
    EXPECT_EQ(key.protocol, 17);
    EXPECT_EQ(key.family, 4);
    EXPECT_EQ(key.source[0], __builtin_bswap32(0xc6336407));
    EXPECT_EQ(key.destination[0], __builtin_bswap32(0xc0000250));
    EXPECT_FALSE(fragment_key_of(ipv4(5, 0))) << "a first one";
}

TEST_F(HeldFragmentsTest, names_that_of_ipv6_behind_other_headers_too) {
    for (const bool with_options : {false, true}) {
        const auto key = fragment_key_of(ipv6(with_options)).value();
        EXPECT_EQ(key.identification, __builtin_bswap32(9));
        EXPECT_EQ(key.protocol, 0) << "fragments may differ in it";
        EXPECT_EQ(key.family, 6);
        EXPECT_EQ(key.source[0], __builtin_bswap32(0x00010203));
        EXPECT_EQ(key.destination[3], __builtin_bswap32(0x1c1d1e1f));
    }
}

TEST_F(HeldFragmentsTest, takes_nothing_that_is_cut_short) {
    for (const auto& whole : {ipv4(5), ipv6(false), ipv6(true)}) {
        const std::size_t headers = whole.size() - 8;
        for (std::size_t length = 0; length < headers; ++length)
            EXPECT_FALSE(held.add({whole.begin(), whole.begin() + static_cast<int>(length)}, now))
                << length;
        EXPECT_TRUE(held.add(whole, now));
    }
}

TEST_F(HeldFragmentsTest, gives_back_those_whose_first_one_came_in_their_order) {
    for (const int identification : {1, 2, 1})
        ASSERT_TRUE(held.add(ipv4(identification), now));
    EXPECT_TRUE(take_after(milliseconds(1)).empty());
    known.insert(__builtin_bswap16(1));
    const auto taken = take_after(milliseconds(4));
    ASSERT_EQ(taken.size(), 2U);
    for (const auto& frame : taken)
        EXPECT_EQ(identification_of(frame), __builtin_bswap16(1));
    EXPECT_EQ(taken[0], ipv4(1));
}

TEST_F(HeldFragmentsTest, gives_back_each_after_fifty_milliseconds_and_few_looks) {
    ASSERT_TRUE(held.add(ipv4(1), now));
    EXPECT_EQ(held.next(), now + milliseconds(1));
    std::size_t given = 0;
    for (int passed = 0; passed < 50; ++passed)
        given += take_after(milliseconds(passed)).size();
    EXPECT_EQ(given, 0U);
    EXPECT_EQ(held.next(), now + HeldFragments::longest);
    EXPECT_EQ(take_after(milliseconds(50)).size(), 1U);
    EXPECT_EQ(looks, 5);
    EXPECT_FALSE(held.next());
}

TEST_F(HeldFragmentsTest, holds_no_more_than_it_may) {
    for (std::size_t i = 0; i < HeldFragments::most; ++i)
        ASSERT_TRUE(held.add(ipv4(static_cast<int>(i % 200)), now));
    EXPECT_TRUE(held.full());
    EXPECT_FALSE(held.add(ipv4(1), now));
    EXPECT_EQ(take_after(milliseconds(50)).size(), HeldFragments::most);
    EXPECT_FALSE(held.full());
}

}  // namespace
}  // namespace shoal::dataplane
