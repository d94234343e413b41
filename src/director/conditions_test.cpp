#include "director/conditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "director/desired_state.h"
#include "director/testing.h"

namespace shoal::director {
namespace {

using model::EventKind;
using model::Health;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::weights;
using Weights = std::map<int, std::uint32_t>;

class ConditionsTest : public ::testing::Test {
  protected:
    static std::string new_directory() {
        std::string name = ::testing::TempDir() + "shoal-conditions-XXXXXX";
        return mkdtemp(name.data());
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    std::string file() const { return directory_ + "/states.json"; }
    void begin() { conditions_.begin(configuration_, {}); }
    /// The pool's weights after a look.
    Weights look() {
        conditions_.look(configuration_, health_, {}, now_);
        return weights(
            desired_state(configuration_, conditions_.circumstances(health_), {}).services.at(0));
    }
    Health& health_of(const std::string& real_server) {
        return health_[{"web", real_server}].health;
    }

    std::string directory_ = new_directory();
    model::Configuration configuration_ = testing::two_servers();
    health::HealthView health_ = testing::all_up(configuration_);
    TimePoint now_{seconds(1000)};
    std::vector<Event> told_;
    Conditions conditions_{file(), [this](const Event& event) { told_.push_back(event); }};
};

TEST_F(ConditionsTest, tell_once_that_a_quorum_is_lost_and_regained) {
    configuration_.virtual_servers[0].quorum = 2;
    begin();
    EXPECT_EQ(look(), (Weights{{1, 1}, {2, 3}}));
    EXPECT_THAT(told_, IsEmpty());
    health_of("web-1") = Health::down;
    look();
    look();
    EXPECT_THAT(told_, ElementsAre(Event{
                           EventKind::quorum_lost, {"web", ""}, "1 of 2 real servers are usable"}));
    health_of("web-1") = Health::up;
    look();
    look();
    EXPECT_THAT(told_, ElementsAre(Field(&Event::kind, EventKind::quorum_lost),
                                   Field(&Event::kind, EventKind::quorum_regained)));
    EXPECT_FALSE(conditions_.quorums().at("web").lost);
}

TEST_F(ConditionsTest, tell_nothing_before_the_first_checks_have_ended) {
    health_.clear();
    begin();
    look();
    EXPECT_TRUE(conditions_.quorums().at("web").lost) << "the sorry server serves, though";
    health_ = testing::all_up(configuration_);
    look();
    EXPECT_THAT(told_, IsEmpty());
}

TEST_F(ConditionsTest, remember_a_lost_quorum_from_one_look_to_the_next) {
    auto& service = configuration_.virtual_servers[0];
    service.quorum_hysteresis = 1;
    service.sorry_server = {testing::address("10.11.12.9"), {}, {}};
    begin();
    health_of("web-1") = Health::down;
    health_of("web-2") = Health::down;
    look();
    health_of("web-2") = Health::up;
    EXPECT_EQ(look(), (Weights{{2, 0}, {9, 1}}));
    health_of("web-1") = Health::up;
    EXPECT_EQ(look(), (Weights{{1, 1}, {2, 3}}));
}

TEST_F(ConditionsTest, remember_a_lost_quorum_of_the_shoald_before) {
    auto& service = configuration_.virtual_servers[0];
    service.quorum_hysteresis = 1;
    service.sorry_server = {testing::address("10.11.12.9"), {}, {}};
    dataplane::State state;
    state.services = desired_state(configuration_, {}, {}).services;
    conditions_.begin(configuration_, state);
    health_of("web-1") = Health::down;
    EXPECT_EQ(look(), (Weights{{2, 0}, {9, 1}}));
    health_of("web-1") = Health::up;
    look();
    EXPECT_THAT(told_, ElementsAre(Field(&Event::kind, EventKind::quorum_regained)));
}

TEST_F(ConditionsTest, let_one_that_comes_back_start_slowly) {
    configuration_.virtual_servers[0].slow_start = seconds(90);
    begin();
    EXPECT_EQ(look(), (Weights{{1, 100}, {2, 300}}));
    EXPECT_FALSE(conditions_.any_slow_start(now_));
    health_of("web-2") = Health::down;
    EXPECT_EQ(look(), (Weights{{1, 100}}));
    health_of("web-2") = Health::up;
    EXPECT_EQ(look(), (Weights{{1, 100}, {2, 30}}));
    EXPECT_TRUE(conditions_.any_slow_start(now_));
    now_ += seconds(45);
    EXPECT_EQ(look(), (Weights{{1, 100}, {2, 165}}));
    now_ += seconds(45);
    EXPECT_FALSE(conditions_.any_slow_start(now_));
    EXPECT_EQ(look(), (Weights{{1, 100}, {2, 300}}));
}

TEST_F(ConditionsTest, states_count_and_end_with_what_they_are_of) {
    using enum model::AdministrativeState;
    begin();
    EXPECT_EQ(conditions_.order({"web", "web-2"}, {.state = draining}).value().to, draining);
    EXPECT_EQ(look(), (Weights{{1, 1}, {2, 0}}));
    ASSERT_TRUE(conditions_.order({"web", "web-2"}, {.state = disabled}));
    EXPECT_EQ(look(), (Weights{{1, 1}}));
    conditions_.follow(configuration_);
    EXPECT_EQ(conditions_.state_of({"web", "web-2"}), disabled);
    conditions_.follow({});
    EXPECT_EQ(conditions_.state_of({"web", "web-2"}), enabled);
}

TEST_F(ConditionsTest, report_a_damaged_file_until_the_next_order) {
    ASSERT_TRUE(write_file(file(), "nonsense"));
    begin();
    EXPECT_THAT(conditions_.problems(), ElementsAre(HasSubstr("all real servers are enabled")));
    ASSERT_TRUE(
        conditions_.order({"web", "web-2"}, {.state = model::AdministrativeState::maintenance}));
    EXPECT_THAT(conditions_.problems(), IsEmpty());
}

}  // namespace
}  // namespace shoal::director
