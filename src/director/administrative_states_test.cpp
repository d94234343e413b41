#include "director/administrative_states.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "director/states_text.h"

namespace shoal::director {
namespace {

using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using enum model::AdministrativeState;

constexpr std::int64_t now = 1'800'000'000'000;
constexpr std::int64_t minute = 60'000;
const health::TargetId web_1{"web", "web-1"};

bool busy(const health::TargetId& /*target*/) {
    return true;
}
bool idle(const health::TargetId& /*target*/) {
    return false;
}

class AdministrativeStatesTest : public ::testing::Test {
  protected:
    static std::string new_directory() {
        std::string name = ::testing::TempDir() + "shoal-states-XXXXXX";
        return mkdtemp(name.data());
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    std::string path() const { return directory_ + "/states.json"; }
    /// As a shoald that starts finds them.
    StateView after_restart() const {
        AdministrativeStates states(path());
        EXPECT_TRUE(states.load());
        return states.view();
    }
    void order(const StateOrder& order, std::int64_t at = now) {
        EXPECT_TRUE(states_.order(web_1, order, at));
    }
    model::AdministrativeState state() const {
        const auto found = states_.view().find(web_1);
        return found == states_.view().end() ? enabled : found->second;
    }

    std::string directory_ = new_directory();
    AdministrativeStates states_{path()};
};

TEST_F(AdministrativeStatesTest, survive_a_restart) {
    EXPECT_THAT(after_restart(), IsEmpty()) << "there is no file yet";
    order({.state = maintenance});
    EXPECT_EQ(after_restart(), (StateView{{web_1, maintenance}}));
    order({.state = enabled});
    EXPECT_THAT(after_restart(), IsEmpty());
}

TEST_F(AdministrativeStatesTest, last_for_their_time) {
    order({.state = disabled, .lasting = minutes(10)});
    EXPECT_THAT(states_.advance(now + 10 * minute - 1, busy), IsEmpty());
    EXPECT_THAT(states_.advance(now + 10 * minute, busy),
                ElementsAre(StateChange{web_1, disabled, enabled, "its time was over"}));
    EXPECT_EQ(state(), enabled);
    EXPECT_THAT(after_restart(), IsEmpty());
}

TEST_F(AdministrativeStatesTest, end_while_no_shoald_runs) {
    order({.state = maintenance, .lasting = minutes(10)});
    AdministrativeStates later(path());
    ASSERT_TRUE(later.load());
    EXPECT_EQ(later.advance(now + 60 * minute, busy).size(), 1U);
    EXPECT_THAT(later.view(), IsEmpty());
}

TEST_F(AdministrativeStatesTest, draining_becomes_maintenance_at_its_deadline) {
    order({.state = draining, .deadline = minutes(5)});
    EXPECT_THAT(states_.advance(now + 5 * minute - 1, busy), IsEmpty());
    EXPECT_THAT(states_.advance(now + 5 * minute, busy),
                ElementsAre(StateChange{web_1, draining, maintenance, "its deadline passed"}));
    EXPECT_THAT(states_.advance(now + 1000 * minute, idle), IsEmpty()) << "for good";
}

TEST_F(AdministrativeStatesTest, draining_with_a_deadline_ends_with_the_last_connection) {
    order({.state = draining, .lasting = minutes(60), .deadline = minutes(5)});
    EXPECT_THAT(states_.advance(now + minute, idle),
                ElementsAre(StateChange{web_1, draining, maintenance, "no connection was left"}));
    states_.advance(now + 60 * minute, idle);
    EXPECT_EQ(state(), enabled);
}

TEST_F(AdministrativeStatesTest, draining_without_a_deadline_goes_on) {
    order({.state = draining});
    EXPECT_THAT(states_.advance(now + 1000 * minute, idle), IsEmpty());
}

TEST_F(AdministrativeStatesTest, a_later_order_replaces_an_earlier_one) {
    order({.state = draining});
    order({.state = maintenance, .lasting = minutes(10)});
    states_.advance(now + 10 * minute, busy);
    EXPECT_EQ(state(), enabled) << "it was to serve after its maintenance";
    order({.state = disabled, .lasting = minutes(10)});
    order({.state = disabled});
    EXPECT_THAT(states_.advance(now + 1000 * minute, busy), IsEmpty());
}

TEST_F(AdministrativeStatesTest, a_trial_ends_where_it_began) {
    order({.state = maintenance});
    order({.state = enabled, .lasting = minutes(10)});
    EXPECT_EQ(state(), enabled);
    EXPECT_THAT(states_.advance(now + 10 * minute, busy),
                ElementsAre(StateChange{web_1, enabled, maintenance, "its time was over"}));
    EXPECT_EQ(after_restart(), (StateView{{web_1, maintenance}}));
}

TEST_F(AdministrativeStatesTest, of_what_left_the_configuration_are_forgotten) {
    order({.state = maintenance});
    states_.keep_only([](const auto& target) { return target == web_1; });
    EXPECT_EQ(state(), maintenance);
    states_.keep_only([](const auto&) { return false; });
    EXPECT_THAT(after_restart(), IsEmpty());
}

TEST_F(AdministrativeStatesTest, nothing_changes_where_the_file_cannot_be_written) {
    std::filesystem::create_directory(path());
    const auto refused = states_.order(web_1, {.state = maintenance}, now);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("keeping the administrative states"));
    EXPECT_EQ(state(), enabled);
}

TEST_F(AdministrativeStatesTest, a_damaged_file_is_reported_and_ignored) {
    const std::string good = states_text({{web_1, {.state = maintenance, .since_ms = now}}});
    ASSERT_TRUE(parse_states(good));
    const auto with = [&](std::string_view from, std::string_view to) {
        auto text = good;
        return text.replace(text.find(from), from.size(), to);
    };
    const std::string entry =
        good.substr(good.find('\n') + 1, good.rfind('\n', good.size() - 2) - good.find('\n') - 1);
    for (const std::string& text :
         {std::string(), std::string("{"), std::string("[]"), std::string("{\"states\": [1]}"),
          good.substr(0, good.size() / 2), with("maintenance", "sleeping"),
          with("1800000000000", "-1"), with("1800000000000", "1e300"),
          with("1800000000000", "253402300800000"), with("\"web\"", "7"), with("web-1", "\xff"),
          with("since_ms", "other"), with(entry, entry + "," + entry),
          std::string(1'000'000, '[')}) {
        ASSERT_TRUE(write_file(path(), text));
        const auto loaded = states_.load();
        ASSERT_FALSE(loaded) << text.substr(0, 200);
        EXPECT_THAT(loaded.error().message, HasSubstr("states.json"));
        EXPECT_THAT(states_.view(), IsEmpty());
    }
}

TEST(StatesText, is_read_as_it_was_written) {
    const StateEntries entries{
        {{"a/b \"c\"", "ü"}, {.state = disabled, .since_ms = now}},
        {web_1, {.state = draining, .since_ms = now, .deadline_ms = now + 1, .until_ms = now + 2}},
        {{"web", "web-2"},
         {.state = enabled, .since_ms = 0, .until_ms = now, .then = maintenance}}};
    EXPECT_EQ(parse_states(states_text(entries)).value(), entries);
    EXPECT_EQ(parse_states(states_text({})).value(), StateEntries{});
}

}  // namespace
}  // namespace shoal::director
