#include "director/slow_start.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "director/testing.h"

namespace shoal::director {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SlowStart, rises_evenly_from_a_tenth) {
    const auto factor = [](int since) { return slow_start_factor(seconds(since), seconds(90)); };
    EXPECT_EQ(factor(0), 100U);
    EXPECT_EQ(factor(10), 200U);
    EXPECT_EQ(factor(45), 550U);
    EXPECT_EQ(factor(89), 990U);
    EXPECT_EQ(factor(90), 1000U);
    EXPECT_EQ(factor(900), 1000U);
    EXPECT_EQ(slow_start_factor(seconds(0), seconds(0)), full_weight);
}

RC_GTEST_PROP(SlowStart, never_falls_and_stays_in_its_bounds, ()) {
    const auto duration = *rc::gen::inRange(1, 3'600'001);
    const auto since = *rc::gen::inRange(-1000, 4'000'000);
    const auto factor = slow_start_factor(milliseconds(since), milliseconds(duration));
    RC_ASSERT(factor >= 100U);
    RC_ASSERT(factor <= full_weight);
    RC_ASSERT(slow_start_factor(milliseconds(since + 1), milliseconds(duration)) >= factor);
}

/// One real server, looked at as time passes.
class Looks {
  public:
    void look(bool usable, bool undecided = false, int number = 1) {
        look({sight(usable, undecided, number)});
    }
    void look(const std::vector<SlowStarts::Sight>& all) { starts_.look(all, now_); }
    static SlowStarts::Sight sight(bool usable, bool undecided = false, int number = 1) {
        const auto name = "web-" + std::to_string(number);
        const auto ip = testing::address("10.11.12." + std::to_string(number));
        return {.place = {{}, {ip, 80}},
                .targets = {{"web", name}},
                .usable = usable,
                .undecided = undecided,
                .duration = seconds(90)};
    }
    void pass(seconds time) { now_ += time; }
    bool any() const { return starts_.any(now_); }
    std::uint32_t factor(const WeightFactors& loads = {}, const std::string& name = "web-1") const {
        const auto factors = starts_.applied_to(loads, now_);
        const auto found = factors.find({"web", name});
        return found == factors.end() ? full_weight : found->second;
    }

  private:
    SlowStarts starts_;
    TimePoint now_{seconds(1000)};
};

TEST(SlowStarts, one_that_serves_at_the_start_has_its_weight) {
    Looks looks;
    looks.look(true);
    EXPECT_FALSE(looks.any());
    EXPECT_EQ(looks.factor(), full_weight);
}

TEST(SlowStarts, one_that_the_first_check_finds_up_has_its_weight) {
    Looks looks;
    looks.look(false, true);
    looks.look(true);
    EXPECT_FALSE(looks.any());
}

TEST(SlowStarts, one_that_was_down_at_the_start_came_back) {
    Looks looks;
    looks.look(false, true);
    looks.look(false);
    looks.look(true);
    EXPECT_TRUE(looks.any());
    EXPECT_EQ(looks.factor(), 100U);
}

TEST(SlowStarts, one_that_comes_back_reaches_its_weight_over_the_time) {
    Looks looks;
    looks.look(true);
    looks.look(false);
    looks.pass(seconds(60));
    looks.look(true);
    looks.pass(seconds(45));
    looks.look(true);
    EXPECT_EQ(looks.factor(), 550U);
    looks.pass(seconds(45));
    EXPECT_FALSE(looks.any());
    EXPECT_EQ(looks.factor(), full_weight);
}

TEST(SlowStarts, one_that_fails_again_begins_again) {
    Looks looks;
    looks.look(true);
    looks.look(false);
    looks.look(true);
    looks.pass(seconds(45));
    looks.look(false);
    EXPECT_FALSE(looks.any()) << "it has no share to grow";
    looks.pass(seconds(1));
    looks.look(true);
    EXPECT_EQ(looks.factor(), 100U);
}

TEST(SlowStarts, one_that_is_added_later_starts_slowly) {
    Looks looks;
    looks.look(true);
    looks.look({Looks::sight(true), Looks::sight(false, true, 2)});
    looks.look({Looks::sight(true), Looks::sight(true, false, 2)});
    EXPECT_EQ(looks.factor(), full_weight);
    EXPECT_EQ(looks.factor({}, "web-2"), 100U);
}

TEST(SlowStarts, one_that_is_renamed_goes_on) {
    Looks looks;
    looks.look(true);
    auto renamed = Looks::sight(true);
    renamed.targets = {{"web", "other"}};
    looks.look({renamed});
    EXPECT_FALSE(looks.any());
}

TEST(SlowStarts, multiply_with_loads) {
    Looks looks;
    looks.look(false);
    looks.look(true);
    looks.pass(seconds(45));
    EXPECT_EQ(looks.factor({{{"web", "web-1"}, 500}}), 275U);
    EXPECT_EQ(looks.factor({{{"web", "web-2"}, 500}}, "web-2"), 500U);
}

}  // namespace
}  // namespace shoal::director
