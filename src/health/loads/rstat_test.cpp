#include "health/loads/rstat.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace shoal::health::rstat {
namespace {

std::string words(const std::vector<std::uint32_t>& values) {
    std::string bytes;
    for (const auto value : values) {
        for (const int shift : {24, 16, 8, 0})
            bytes.push_back(static_cast<char>(value >> shift));
    }
    return bytes;
}

/// 18 words of counters, three averages, times: as version 3 has them.
std::vector<std::uint32_t> statistics(std::uint32_t load) {
    std::vector<std::uint32_t> values(18, 7);
    values.insert(values.end(), {load, 1, 2, 1'700'000'000, 0, 1'700'000'100, 0, 9});
    return values;
}

TEST(Rstat, asks_the_portmapper_for_the_udp_port_of_rstatd) {
    EXPECT_EQ(port_question(0x01020304, 3),
              words({0x01020304, 0, 2, 100'000, 2, 3, 0, 0, 0, 0, 100'001, 3, 17, 0}));
}

TEST(Rstat, asks_for_statistics_without_credentials) {
    EXPECT_EQ(load_question(5, 4), words({5, 0, 2, 100'001, 4, 1, 0, 0, 0, 0}));
}

TEST(Rstat, reads_an_accepted_reply_behind_any_authenticator) {
    const auto datagram = words({5, 1, 0, 1, 6, 0xAABBCCDD, 0xEEFF0000, 0, 42});
    const auto reply = read_reply(datagram);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->transaction, 5U);
    EXPECT_EQ(reply->status, Reply::Status::success);
    EXPECT_EQ(reply->results, words({42}));
}

TEST(Rstat, reads_which_versions_there_are) {
    const auto reply = read_reply(words({5, 1, 0, 0, 0, 2, 2, 4}));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, Reply::Status::other_version);
    EXPECT_EQ(reply->least, 2U);
    EXPECT_EQ(reply->greatest, 4U);
}

TEST(Rstat, tells_a_missing_program_from_a_refusal) {
    EXPECT_EQ(read_reply(words({5, 1, 0, 0, 0, 1}))->status, Reply::Status::no_program);
    EXPECT_EQ(read_reply(words({5, 1, 0, 0, 0, 5}))->status, Reply::Status::refused);
    EXPECT_EQ(read_reply(words({5, 1, 1, 0, 2, 2}))->status, Reply::Status::refused);
}

TEST(Rstat, takes_nothing_else_for_a_reply) {
    EXPECT_FALSE(read_reply(""));
    EXPECT_FALSE(read_reply(words({5, 0, 2, 100'001, 3, 1, 0, 0, 0, 0})));
    EXPECT_FALSE(read_reply(words({5, 1, 2, 0, 0, 0})));
    EXPECT_FALSE(read_reply(words({5, 1, 0, 0, 0xFFFFFFFF, 0})));
    EXPECT_FALSE(read_reply(words({5, 1, 0, 0, 401, 0})));
    const auto whole = words({5, 1, 0, 0, 0, 2, 2, 4});
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_FALSE(read_reply(std::string_view(whole).substr(0, length))) << length;
}

TEST(Rstat, reads_a_port) {
    EXPECT_EQ(read_port(words({35'000})), 35'000);
    EXPECT_EQ(read_port(words({0})), 0);
    EXPECT_FALSE(read_port(words({65'536})));
    EXPECT_FALSE(read_port("abc"));
}

TEST(Rstat, reads_the_load_of_each_version) {
    EXPECT_EQ(read_load(3, words(statistics(384))), 1.5);
    auto second = statistics(128);
    second.resize(24);
    EXPECT_EQ(read_load(2, words(second)), 0.5);
    const auto fourth =
        words({2, 1, 1, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 640, 2, 3, 4, 5, 6, 7});
    EXPECT_EQ(read_load(4, fourth), 2.5);
}

TEST(Rstat, leaves_the_judgement_of_a_negative_load_to_others) {
    EXPECT_EQ(read_load(3, words(statistics(0xFFFFFF00))), -1);
}

TEST(Rstat, refuses_statistics_that_end_early) {
    auto short_one = statistics(384);
    short_one.resize(22);
    EXPECT_FALSE(read_load(3, words(short_one)));
    EXPECT_FALSE(read_load(4, words({0x40000000, 1, 1, 1})));
    EXPECT_FALSE(read_load(4, words({0xFFFFFFFF})));
}

}  // namespace
}  // namespace shoal::health::rstat
