#include "director/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "director/marks.h"
#include "director/testing.h"

namespace shoal::director {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

TEST(RingObject, is_whom_the_names_mean) {
    const auto configuration = testing::two_servers();
    const auto& web = configuration.virtual_servers[0];
    EXPECT_EQ(ring_object(configuration, {}).value(), telemetry::RingObject{});
    EXPECT_EQ(ring_object(configuration, {.virtual_server = "web"}).value(),
              telemetry::RingObject{.service = service_key(web)});
    const telemetry::RingObject second{service_key(web), server_key(web, web.real_servers[1])};
    EXPECT_EQ(ring_object(configuration, {.virtual_server = "web", .real_server = "web-2"}).value(),
              second);
}

TEST(RingObject, there_is_none_of_names_that_nobody_has) {
    const auto configuration = testing::two_servers();
    EXPECT_THAT(ring_object(configuration, {.virtual_server = "mail"}).error().message,
                HasSubstr("no virtual server mail"));
    for (const auto* name : {"web-3", "sorry"}) {
        const auto object =
            ring_object(configuration, {.virtual_server = "web", .real_server = name});
        ASSERT_FALSE(object);
        EXPECT_THAT(object.error().message, HasSubstr("web has no real server"));
    }
}

class RecordsTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = ::testing::TempDir() + "shoal-records-XXXXXX";
        directory = mkdtemp(name.data());
    }
    void TearDown() override { std::filesystem::remove_all(directory); }

    std::string directory;
};

TEST_F(RecordsTest, cells_have_the_wall_clock_s_time) {
    Records records(directory);
    // An hour ago, so that the clock of this test has no part in it.
    const auto start = Clock::now() - std::chrono::hours(1);
    const auto start_ms = wall_clock_ms() - 3'600'000;
    dataplane::Statistics now;
    for (int second = 0; second <= 100; ++second) {
        records.sample(now, start + seconds(second));
        now.total.bytes_in += 7;
    }
    const auto all = records.read({}, {});
    ASSERT_EQ(all.cells.size(), 100U);
    EXPECT_TRUE(all.kept);
    EXPECT_NEAR(static_cast<double>(all.begin_ms), static_cast<double>(start_ms), 2'000);
    const auto some = records.read({}, {.from_ms = all.begin_ms + 90'000});
    EXPECT_EQ(some.begin_ms, all.begin_ms + 90'000);
    ASSERT_EQ(some.cells.size(), 10U);
    EXPECT_EQ(some.cells[0][telemetry::Column::bytes_in], 7U);
}

TEST_F(RecordsTest, any_time_may_be_asked_for) {
    Records records(directory);
    const auto start = Clock::now() - seconds(10);
    for (int second = 0; second <= 5; ++second)
        records.sample({}, start + seconds(second));
    EXPECT_EQ(records.read({}, {.from_ms = 0}).cells.size(), 5U);
    EXPECT_EQ(records.read({}, {.from_ms = std::int64_t{1} << 53}).cells.size(), 0U);
}

TEST_F(RecordsTest, numbers_of_events_grow_from_one_shoald_to_the_next) {
    telemetry::EventId last;
    for (int shoald = 0; shoald < 5; ++shoald) {
        Records records(directory);
        records.events().add(telemetry::director_started, {}, "it runs");
        EXPECT_GT(records.events().newest(), last);
        last = records.events().newest();
    }
}

TEST_F(RecordsTest, without_a_directory_they_go_on) {
    Records records(directory + "/there/is/none");
    EXPECT_GT(records.events().newest().epoch, 0U);
}

constexpr TimePoint start{seconds(1000)};

TEST(ReadingPace, is_each_second_and_rates_are_every_second_time) {
    ReadingPace pace;
    auto now = start;
    std::vector<bool> rates;
    for (int second = 0; second < 6; ++second) {
        EXPECT_GE(now, start + seconds(second));
        rates.push_back(pace.rates_due(now));
        const auto due = pace.next(now, now + milliseconds(5));
        EXPECT_EQ(due, start + seconds(second + 1));
        // Timers are late.
        now = due + milliseconds(second % 3 * 100);
    }
    EXPECT_EQ(rates, (std::vector<bool>{true, false, true, false, true, false}));
}

TEST(ReadingPace, is_every_two_seconds_where_reading_takes_long) {
    ReadingPace pace;
    auto now = start;
    for (int reading = 0; reading < 5; ++reading) {
        EXPECT_TRUE(pace.rates_due(now));
        const auto due = pace.next(now, now + milliseconds(300));
        EXPECT_EQ(due - now, seconds(2));
        now = due;
    }
    EXPECT_EQ(pace.next(now, now + milliseconds(10)) - now, seconds(1)) << "fewer servers now";
}

TEST(ReadingPace, passes_over_seconds_that_are_gone) {
    ReadingPace pace;
    pace.next(start, start);
    EXPECT_EQ(pace.next(start + milliseconds(1'000), start + milliseconds(7'200)),
              start + seconds(8));
}

}  // namespace
}  // namespace shoal::director
