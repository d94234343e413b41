#include "telemetry/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/testing_disk.h"

namespace shoal::telemetry {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t plenty = 1 << 20;

Event down(std::string virtual_server, std::string reason = "connection refused") {
    return {.virtual_server = std::move(virtual_server),
            .real_server = "web-1",
            .address = "10.11.12.1",
            .reason = std::move(reason),
            .time_ms = 1'795'430'125'000,
            .director = "director-1"};
}

std::vector<std::string> ids_of(const EventReader::Piece& piece) {
    std::vector<std::string> ids;
    for (const auto* event : piece.events)
        ids.push_back(event->id.to_string());
    return ids;
}

TEST(EventId, is_read_as_it_is_written) {
    const EventId id{1795442711, 17};
    EXPECT_EQ(id.to_string(), "1795442711-17");
    EXPECT_EQ(EventId::parse(id.to_string()), id);
    for (const auto* text : {"", "-", "1-", "-1", "1", "1-2-3", "1-x", "+1-2", " 1-2", "1--2",
                             "18446744073709551616-1", "1-2\n"})
        EXPECT_FALSE(EventId::parse(text)) << text;
}

TEST(EventLog, tells_an_event_as_json) {
    EventLog log(5);
    log.add(down("web", "it said \xff\n"));
    const auto json = nlohmann::json::parse(log.kept().front().json);
    EXPECT_EQ(json["id"], "5-1");
    EXPECT_EQ(json["event"], "real-server-down");
    EXPECT_EQ(json["virtual_server"], "web");
    EXPECT_EQ(json["time_ms"], 1'795'430'125'000);
    EXPECT_EQ(json["text"], "real server web-1 of web is down: it said \xEF\xBF\xBD\n");
    EXPECT_THAT(log.kept().front().json, ::testing::Not(HasSubstr("\n"))) << "one line";
}

TEST(EventLog, keeps_the_last_ones) {
    EventLog by_number(5, {.events = 3});
    EventLog by_bytes(5, {.bytes = 5'000});
    for (int i = 0; i < 100; ++i) {
        by_number.add(down("web"));
        by_bytes.add(down("web", std::string(1'000, 'x')));
    }
    EXPECT_EQ(by_number.kept().size(), 3U);
    EXPECT_EQ(by_number.kept().front().id, (EventId{5, 98}));
    EXPECT_EQ(by_number.newest(), (EventId{5, 100}));
    EXPECT_LT(by_bytes.kept().size(), 5U);
    EXPECT_GT(by_bytes.kept().size(), 0U);
}

TEST(EventLog, a_reason_may_be_long_and_is_cut) {
    EventLog log(5);
    log.add(down("web", std::string(100'000, 'x')));
    EXPECT_LT(log.kept().front().json.size(), 5'000U);
}

TEST(EventLog, wakes_those_who_wait) {
    EventLog log(5);
    int woken = 0;
    {
        const Wakeup::Waiter waiter(log.wakeup(), [&] { ++woken; });
        const Wakeup::Waiter other(log.wakeup(), [&] { ++woken; });
        log.add(down("web"));
        EXPECT_EQ(woken, 2);
    }
    log.add(down("web"));
    EXPECT_EQ(woken, 2);
}

TEST(EventLog, has_room_for_so_many_readers) {
    EventLog log(5, {.readers = 2});
    auto first = log.admit_reader();
    const auto second = log.admit_reader();
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(log.admit_reader());
    first.reset();
    EXPECT_TRUE(log.admit_reader());
}

TEST(EventReader, gives_each_event_once) {
    EventLog log(5);
    EventReader reader(log, {}, log.newest());
    EXPECT_THAT(reader.take(plenty).events, IsEmpty());
    log.add(down("web"));
    log.add(down("mail"));
    EXPECT_THAT(ids_of(reader.take(plenty)), ElementsAre("5-1", "5-2"));
    EXPECT_THAT(reader.take(plenty).events, IsEmpty());
    log.add(down("web"));
    EXPECT_THAT(ids_of(reader.take(plenty)), ElementsAre("5-3"));
    EXPECT_EQ(reader.position(), (EventId{5, 3}));
}

TEST(EventReader, goes_on_where_another_stopped) {
    EventLog log(5);
    for (int i = 0; i < 5; ++i)
        log.add(down("web"));
    EventReader reader(log, {}, {5, 2});
    const auto piece = reader.take(plenty);
    EXPECT_FALSE(piece.loss);
    EXPECT_THAT(ids_of(piece), ElementsAre("5-3", "5-4", "5-5"));
}

TEST(EventReader, takes_a_piece_at_a_time) {
    EventLog log(5);
    for (int i = 0; i < 3; ++i)
        log.add(down("web"));
    EventReader reader(log, {}, {5, 0});
    EXPECT_THAT(ids_of(reader.take(1)), ElementsAre("5-1"));
    EXPECT_THAT(ids_of(reader.take(1)), ElementsAre("5-2"));
}

TEST(EventReader, says_what_is_lost_of_a_reader_too_slow) {
    EventLog log(5, {.events = 3});
    for (int i = 0; i < 10; ++i)
        log.add(down("web"));
    EventReader reader(log, {}, {5, 4});
    const auto piece = reader.take(plenty);
    ASSERT_TRUE(piece.loss);
    EXPECT_EQ(piece.loss->after, (EventId{5, 4}));
    EXPECT_EQ(piece.loss->missed, 3U);
    EXPECT_THAT(ids_of(piece), ElementsAre("5-8", "5-9", "5-10"));
    EXPECT_FALSE(reader.take(plenty).loss);
    EXPECT_FALSE(EventReader(log, {}, {5, 7}).take(plenty).loss)
        << "that one has seen all but these";
}

TEST(EventReader, says_so_where_shoald_was_started_again) {
    EventLog log(6);
    log.add(down("web"));
    EventReader reader(log, {}, {5, 400});
    const auto piece = reader.take(plenty);
    ASSERT_TRUE(piece.loss);
    EXPECT_EQ(piece.loss->missed, std::nullopt);
    EXPECT_THAT(piece.loss->why, HasSubstr("started again"));
    EXPECT_THAT(ids_of(piece), ElementsAre("6-1"));
}

TEST(EventReader, says_so_where_the_place_is_one_that_never_was) {
    EventLog log(6);
    log.add(down("web"));
    for (const EventId never : {EventId{6, 2}, EventId{7, 1}}) {
        EventReader reader(log, {}, never);
        const auto piece = reader.take(plenty);
        ASSERT_TRUE(piece.loss);
        EXPECT_THAT(piece.loss->why, HasSubstr("no such event"));
        EXPECT_THAT(ids_of(piece), ElementsAre("6-1"));
    }
}

TEST(EventReader, gives_only_what_is_wanted_and_moves_on) {
    EventLog log(5);
    log.add(director_started, {}, "shoald 1.2.3");
    log.add(down("web"));
    log.add(down("mail"));
    EventReader web(log, {.virtual_server = "web"}, {5, 0});
    EXPECT_THAT(ids_of(web.take(plenty)), ElementsAre("5-2"));
    EXPECT_EQ(web.position(), (EventId{5, 3}));
    EventReader starts(log, {.kinds = {std::string(director_started)}}, {5, 0});
    EXPECT_THAT(ids_of(starts.take(plenty)), ElementsAre("5-1"));
}

TEST(NextEpoch, grows_by_the_file_and_by_the_clock) {
    testing::FaultyDisk disk;
    EXPECT_EQ(next_epoch(disk, "/state/epoch", 1'000), 1'000U);
    EXPECT_EQ(next_epoch(disk, "/state/epoch", 1'000), 1'001U) << "twice within a second";
    EXPECT_EQ(next_epoch(disk, "/state/epoch", 500), 1'002U) << "a clock that was set back";
    EXPECT_EQ(next_epoch(disk, "/state/epoch", 2'000), 2'000U);
    EXPECT_EQ(next_epoch(disk, "/other/epoch", 2'001), 2'001U) << "a file that was lost";
}

TEST(NextEpoch, is_not_led_astray_by_what_stands_in_the_file) {
    testing::FaultyDisk disk;
    for (const auto* text : {"", "x", "-5", "18446744073709551615\n", "99999999999999999999\n"}) {
        disk.content("/state/epoch") = text;
        EXPECT_EQ(next_epoch(disk, "/state/epoch", 1'000), 1'000U) << text;
    }
}

TEST(NextEpoch, survives_a_power_cut_at_any_step) {
    for (int step = 1; step < 8; ++step) {
        testing::FaultyDisk disk;
        next_epoch(disk, "/state/epoch", 1'000);
        disk.restart(testing::FaultyDisk::Names::all, testing::FaultyDisk::Contents::all);
        disk.cut_at(step);
        next_epoch(disk, "/state/epoch", 1'000);
        disk.restart(testing::FaultyDisk::Names::synced, testing::FaultyDisk::Contents::half);
        EXPECT_GT(next_epoch(disk, "/state/epoch", 900), 1'000U);
    }
}

}  // namespace
}  // namespace shoal::telemetry
