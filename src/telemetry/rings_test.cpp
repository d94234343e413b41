#include "telemetry/rings.h"

#include <gtest/gtest.h>

#include <random>

namespace shoal::telemetry {
namespace {

using dataplane::ServerKey;
using dataplane::ServiceKey;
using dataplane::Statistics;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint start{seconds(1000)};

ServiceKey service(std::uint32_t number) {
    return {.mark = number + 1};
}
ServerKey server(std::uint16_t number) {
    return {{}, static_cast<std::uint16_t>(number + 1)};
}
const RingObject director{};
RingObject object(std::uint32_t of_service) {
    return {.service = service(of_service)};
}
RingObject object(std::uint32_t of_service, std::uint16_t of_server) {
    return {service(of_service), server(of_server)};
}

/// `services` virtual servers with `servers` real servers each.
Statistics statistics(std::uint32_t services, std::uint16_t servers) {
    Statistics made;
    for (std::uint32_t i = 0; i < services; ++i) {
        auto& load = made.services.emplace_back(dataplane::ServiceLoad{service(i), {}, {}});
        for (std::uint16_t j = 0; j < servers; ++j)
            load.servers.push_back({.key = server(j)});
    }
    return made;
}

/// One more second of traffic for everything.
void go_on(Statistics& now, std::uint64_t bytes) {
    for (auto& each : now.services) {
        for (auto& load : each.servers) {
            load.counters.bytes_in += bytes;
            load.active = 3;
            each.counters.bytes_in += bytes;
            now.total.bytes_in += bytes;
        }
    }
}

std::vector<std::uint64_t> bytes_of(const RingPage& page) {
    std::vector<std::uint64_t> bytes;
    for (const auto& cell : page.cells)
        bytes.push_back(cell[Column::bytes_in]);
    return bytes;
}
std::vector<bool> gaps_of(const RingPage& page) {
    std::vector<bool> gaps;
    for (const auto& cell : page.cells)
        gaps.push_back(cell.is_gap());
    return gaps;
}
RingPage all(Rings& rings, const RingObject& of, int second, RingWidth width = RingWidth::second) {
    return rings.read(of, width, {}, start + seconds(second));
}

TEST(Rings, count_the_director_its_virtual_servers_and_their_real_servers) {
    Rings rings;
    auto now = statistics(2, 2);
    now.total.bytes_in = 1'000'000;  // of a time before this shoald
    for (int second = 0; second <= 3; ++second) {
        rings.sample(now, start + seconds(second));
        go_on(now, 10);
    }
    EXPECT_EQ(bytes_of(all(rings, director, 3)), (std::vector<std::uint64_t>{40, 40, 40}));
    EXPECT_EQ(bytes_of(all(rings, object(0), 3)), (std::vector<std::uint64_t>{20, 20, 20}));
    EXPECT_EQ(bytes_of(all(rings, object(1, 1), 3)), (std::vector<std::uint64_t>{10, 10, 10}));
    EXPECT_EQ(all(rings, director, 3).cells.back()[Column::active], 12U);
    EXPECT_EQ(all(rings, object(0), 3).cells.back()[Column::active], 6U);
    EXPECT_EQ(all(rings, director, 3).begin, start);
    EXPECT_EQ(bytes_of(all(rings, director, 3, RingWidth::five_minutes)),
              (std::vector<std::uint64_t>{120}));
}

TEST(Rings, readings_that_come_a_little_early_or_late_are_of_their_second) {
    Rings rings;
    auto now = statistics(1, 1);
    for (int second = 0; second <= 20; ++second) {
        rings.sample(now, start + seconds(second) + milliseconds(second % 3 == 0 ? 0 : 300));
        go_on(now, 10);
    }
    EXPECT_EQ(bytes_of(all(rings, object(0), 20)), std::vector<std::uint64_t>(20, 10));
}

TEST(Rings, time_in_which_shoald_was_busy_is_a_gap) {
    Rings rings;
    auto now = statistics(1, 1);
    for (const int second : {0, 1, 2, 6, 7}) {
        rings.sample(now, start + seconds(second));
        go_on(now, 10);
    }
    EXPECT_EQ(gaps_of(all(rings, object(0), 7)),
              (std::vector<bool>{false, false, true, true, true, true, false}));
}

TEST(Rings, counters_that_begin_anew_are_a_gap_and_no_spike) {
    Rings rings;
    auto now = statistics(1, 1);
    now.services[0].servers[0].counters.bytes_in = 1'000'000;
    for (int second = 0; second <= 6; ++second) {
        if (second == 3) now.services[0].servers[0].counters.bytes_in = 17;
        rings.sample(now, start + seconds(second));
        go_on(now, 10);
    }
    const auto page = all(rings, object(0, 0), 6);
    EXPECT_EQ(bytes_of(page), (std::vector<std::uint64_t>{10, 10, 0, 10, 10, 10}));
    EXPECT_TRUE(page.cells[2].is_gap());
}

TEST(Rings, what_goes_and_comes_back_has_a_gap_and_no_spike) {
    Rings rings;
    auto now = statistics(1, 2);
    for (int second = 0; second <= 6; ++second) {
        auto seen = now;
        if (second == 2 || second == 3) seen.services[0].servers.pop_back();
        rings.sample(seen, start + seconds(second));
        go_on(now, 10);
    }
    EXPECT_EQ(gaps_of(all(rings, object(0, 1), 6)),
              (std::vector<bool>{false, true, true, true, false, false}));
    EXPECT_EQ(bytes_of(all(rings, object(0, 1), 6)),
              (std::vector<std::uint64_t>{10, 0, 0, 0, 10, 10}));
}

TEST(Rings, only_what_is_asked_for_is_given) {
    Rings rings;
    auto now = statistics(1, 1);
    for (int second = 0; second <= 1'000; ++second)
        rings.sample(now, start + seconds(second));
    EXPECT_EQ(all(rings, director, 1'000).cells.size(), 300U);
    EXPECT_EQ(all(rings, director, 1'000).begin, start + seconds(700));
    const auto page = rings.read(director, RingWidth::second, start + seconds(990), {});
    EXPECT_EQ(page.cells.size(), 10U);
    EXPECT_EQ(page.begin, start + seconds(990));
    EXPECT_EQ(rings.read(director, RingWidth::second, start + seconds(5'000), {}).cells.size(), 0U);
    EXPECT_EQ(rings.read(director, RingWidth::second, start - seconds(5'000), {}).cells.size(),
              300U);
    EXPECT_EQ(all(rings, director, 1'000, RingWidth::ten_seconds).cells.size(), 100U);
}

TEST(Rings, the_first_ones_are_kept_and_those_that_somebody_watches) {
    Rings rings({.objects = 7, .watched = seconds(5)});
    auto now = statistics(50, 1);
    int second = 0;
    const auto sample = [&] {
        rings.sample(now, start + seconds(second++));
        go_on(now, 10);
    };
    for (int i = 0; i < 3; ++i)
        sample();
    EXPECT_EQ(rings.objects(), 7U);
    EXPECT_TRUE(all(rings, object(2, 0), second).kept);
    EXPECT_FALSE(all(rings, object(40, 0), second).kept);
    for (int i = 0; i < 3; ++i)
        sample();
    EXPECT_EQ(rings.objects(), 8U);
    const auto watched = all(rings, object(40, 0), second);
    EXPECT_TRUE(watched.kept);
    EXPECT_EQ(watched.cells.back()[Column::bytes_in], 10U);
    EXPECT_TRUE(watched.cells.front().is_gap());
    for (int i = 0; i < 10; ++i)
        sample();
    EXPECT_EQ(rings.objects(), 7U) << "nobody asked for it again";
}

TEST(Rings, what_left_makes_room_for_what_came) {
    Rings rings({.objects = 3});
    for (int second = 0; second < 3; ++second)
        rings.sample(statistics(1, 1), start + seconds(second));
    auto other = statistics(2, 1);
    other.services.erase(other.services.begin());
    for (int second = 3; second < 200; ++second)
        rings.sample(other, start + seconds(second));
    EXPECT_TRUE(all(rings, object(1, 0), 200).kept);
    EXPECT_FALSE(all(rings, object(0, 0), 200).kept);
}

/// Traffic whose every number differs from second to second.
void go_on_busily(Statistics& now, std::mt19937_64& random) {
    const auto grow = [&](model::Counters& counters) {
        counters.connections += random() % 2'000;
        counters.packets_in += random() % 100'000;
        counters.packets_out += random() % 100'000;
        counters.bytes_in += random() % 10'000'000;
        counters.bytes_out += random() % 100'000'000;
    };
    grow(now.total);
    for (auto& each : now.services) {
        grow(each.counters);
        for (auto& load : each.servers) {
            grow(load.counters);
            load.active = static_cast<std::uint32_t>(random() % 10'000);
            load.inactive = static_cast<std::uint32_t>(random() % 10'000);
        }
    }
}

TEST(Rings, memory_is_capped_and_what_came_last_goes) {
    Rings rings({.bytes = std::size_t{200} << 10});
    std::mt19937_64 random(7);
    auto now = statistics(4, 4);
    for (int second = 0; second < 2'000; ++second) {
        rings.sample(now, start + seconds(second));
        go_on_busily(now, random);
        ASSERT_LE(rings.memory(), std::size_t{200} << 10);
    }
    EXPECT_LT(rings.objects(), 21U);
    EXPECT_GT(rings.objects(), 8U);
    EXPECT_TRUE(all(rings, director, 2'000).kept);
    EXPECT_FALSE(all(rings, object(3, 3), 2'000).kept);
}

TEST(Rings, a_thousand_busy_objects_cost_as_much_as_is_said) {
    // A week of one busy real server, all rings full.
    Rings rings;
    std::mt19937_64 random(7);
    auto now = statistics(1, 1);
    for (int second = 0; second < 8 * 24 * 3600; ++second) {
        rings.sample(now, start + seconds(second));
        go_on_busily(now, random);
    }
    const auto each = rings.memory() / rings.objects();
    RecordProperty("bytes_of_an_object", std::to_string(each));
    EXPECT_LT(each, 72'000U);
    EXPECT_GT(each, 40'000U);
}

TEST(Rings, of_ten_thousand_virtual_servers_the_first_are_kept_and_the_rest_cost_little) {
    Rings rings;
    const auto now = statistics(10'000, 10);
    constexpr int samples = 20;
    const auto began = Clock::now();
    for (int second = 0; second < samples; ++second)
        rings.sample(now, start + seconds(second));
    const auto each = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began);
    RecordProperty("us_of_a_sample", std::to_string(each.count() / samples));
    EXPECT_EQ(rings.objects(), 1'000U);
    EXPECT_TRUE(all(rings, object(0, 9), samples).kept);
    EXPECT_FALSE(all(rings, object(9'999, 9), samples).kept);
    EXPECT_LT(rings.memory(), std::size_t{64} << 20);
}

}  // namespace
}  // namespace shoal::telemetry
