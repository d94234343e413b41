#include "cli/format.h"

#include <gtest/gtest.h>

namespace shoal::cli {
namespace {

TEST(Format, ages_have_one_or_two_units) {
    EXPECT_EQ(format_age(-5), "0 s");
    EXPECT_EQ(format_age(999), "0 s");
    EXPECT_EQ(format_age(59'999), "59 s");
    EXPECT_EQ(format_age(60'000), "1 min");
    EXPECT_EQ(format_age(3'599'999), "59 min");
    EXPECT_EQ(format_age(3'600'000), "1 h 0 min");
    EXPECT_EQ(format_age(86'399'999), "23 h 59 min");
    EXPECT_EQ(format_age(86'400'000), "1 d 0 h");
}

TEST(Format, what_is_left_of_a_connection_is_minutes_and_seconds) {
    EXPECT_EQ(format_expiry(899'400), "14:59");
    EXPECT_EQ(format_expiry(0), "00:00");
    EXPECT_EQ(format_expiry(-1), "00:00");
    EXPECT_EQ(format_expiry(7'200'000), "120:00");
}

TEST(Format, brief_numbers_have_three_digits_and_a_unit) {
    EXPECT_EQ(format_brief(0), "0");
    EXPECT_EQ(format_brief(9'999), "9999");
    EXPECT_EQ(format_brief(10'000), "10.0K");
    EXPECT_EQ(format_brief(99'949), "99.9K");
    EXPECT_EQ(format_brief(99'950), "100K");
    EXPECT_EQ(format_brief(999'499), "999K");
    EXPECT_EQ(format_brief(999'500), "1.00M");
    EXPECT_EQ(format_brief(1'234'567), "1.23M");
    EXPECT_EQ(format_brief(987'654'321'012), "988G");
    EXPECT_EQ(format_brief(UINT64_MAX), "18.4E");
}

TEST(Format, brief_numbers_are_never_wider_than_five) {
    for (std::uint64_t number = 1; number < UINT64_MAX / 3; number = number * 3 / 2 + 1)
        EXPECT_LE(format_brief(number).size(), 5U) << number;
}

TEST(Format, endpoints_of_ipv6_have_brackets) {
    EXPECT_EQ(format_endpoint(*net::Address::parse("192.0.2.80"), 80), "192.0.2.80:80");
    EXPECT_EQ(format_endpoint(*net::Address::parse("2001:db8::1"), 80), "[2001:db8::1]:80");
}

TEST(Format, weights_are_in_the_files_unit) {
    EXPECT_EQ(format_weight(3, 1), "3");
    EXPECT_EQ(format_weight(100, 1), "100");
    EXPECT_EQ(format_weight(100, 100), "1");
    EXPECT_EQ(format_weight(55, 100), "0.55");
    EXPECT_EQ(format_weight(1000, 100), "10");
    EXPECT_EQ(format_weight(130, 100), "1.3");
    EXPECT_EQ(format_weight(1, 3), "0.33");
    EXPECT_EQ(format_weight(0, 100), "0");
}

TEST(Format, one_has_no_plural) {
    EXPECT_EQ(format_many(0, "problem"), "0 problems");
    EXPECT_EQ(format_many(1, "problem"), "1 problem");
    EXPECT_EQ(format_many(2, "problem"), "2 problems");
}

}  // namespace
}  // namespace shoal::cli
