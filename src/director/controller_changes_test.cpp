#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "dataplane/fake/fake_dataplane.h"
#include "director/controller.h"
#include "director/testing.h"
#include "net/testing_network.h"

// Changes of the configuration, against a fake data plane that refuses on demand.

namespace shoal::director {
namespace {

using dataplane::FakeDataplane;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using Why = ChangeRefused::Why;

constexpr std::string_view text_before = R"(
[[virtual_server]]
name = "web"
address = "192.0.2.80/24"
device = "wan0:1"
[virtual_server.monitor]
type = "none"
[[virtual_server.real_server]]
name = "web-1"
address = "10.11.12.1"
[[virtual_server.real_server]]
name = "web-2"
address = "10.11.12.2"
)";

/// Another scheduler, another weight, a server less, one more, and a second virtual server.
constexpr std::string_view text_after = R"(
[[virtual_server]]
name = "web"
address = "192.0.2.80/24"
device = "wan0:1"
scheduler = "rr"
[virtual_server.monitor]
type = "none"
[[virtual_server.real_server]]
name = "web-1"
address = "10.11.12.1"
weight = 5
[[virtual_server.real_server]]
name = "web-3"
address = "10.11.12.3"
[[virtual_server]]
name = "mail"
address = "192.0.2.81/24"
device = "wan0:2"
port = 25
[virtual_server.monitor]
type = "none"
[[virtual_server.real_server]]
name = "mail-1"
address = "10.11.12.5"
)";

/// A kernel that takes new weights and shows others.
class ForgetfulDataplane : public FakeDataplane {
  public:
    Result<dataplane::State> observe() override {
        auto state = FakeDataplane::observe();
        if (!state || !forgets_weights) return state;
        for (auto& service : state->services)
            for (auto& server : service.servers)
                server.weight = 1;
        return state;
    }
    bool forgets_weights = false;
};

class ChangesTest : public net::testing::TwoLinks {
  protected:
    void SetUp() override {
        std::string name = ::testing::TempDir() + "shoal-changes-XXXXXX";
        directory_ = mkdtemp(name.data());
        net::testing::run("ip address add 10.11.12.254/24 dev lan0");
        write_file(path(), text_before).value();
        start_shoald();
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    /// The next one, which finds the data plane as the last one left it.
    void start_shoald() {
        const auto state = fake_ == nullptr ? dataplane::State{} : fake_->state();
        controller_.reset();
        history_ = std::make_unique<History>(local_disk(), directory_, path());
        auto beginning = history_->begin(wall_clock_ms());
        ASSERT_TRUE(beginning) << beginning.error().message;
        auto dataplane = std::make_unique<ForgetfulDataplane>();
        fake_ = dataplane.get();
        fake_->state() = state;
        controller_ = std::make_unique<Controller>(
            loop_, ControllerOptions{history_.get(), directory_, directory_, "1.2.3"},
            net::Netlink::open().value(), std::move(dataplane), [] {});
        ASSERT_TRUE(controller_->start(std::move(*beginning)));
        ASSERT_TRUE(run_until([&] { return settled(); }));
    }

    template <class Condition>
    bool run_until(Condition&& holds) {
        return net::testing::eventually([&] {
            loop_.restart();
            loop_.poll();
            return holds();
        });
    }
    /// The real servers of the configuration in force are in the pools.
    bool settled() {
        const auto status = controller_->status();
        if (!status) return false;
        for (const auto& service : status->virtual_servers)
            for (const auto& server : service.real_servers)
                if (!server.in_pool) return false;
        return true;
    }
    ChangeResult apply(std::string_view text, std::optional<Milliseconds> confirm = {},
                       std::optional<std::uint64_t> expected = {}) {
        return wait_for([&](OnChanged on_changed) {
            controller_->apply({.text = std::string(text),
                                .author = {"alice", 1000},
                                .comment = "a change",
                                .confirm = confirm,
                                .expected = expected},
                               std::move(on_changed));
        });
    }
    template <class Begin>
    ChangeResult wait_for(Begin&& begin) {
        std::optional<ChangeResult> result;
        begin([&](ChangeResult done) { result = std::move(done); });
        EXPECT_TRUE(run_until([&] { return result.has_value(); }));
        return result.value_or(refuse(Why::failed, "no answer"));
    }
    /// Refuses the n-th operation from now on, and the same one again; 0: none.
    void refuse_operation(int n) {
        fake_->forget_applied();
        refused_.reset();
        seen_ = 0;
        fake_->refuse([this, n](const dataplane::Operation& operation) {
            if (!refused_ && ++seen_ == n) refused_ = operation;
            return refused_ == operation ? std::optional<std::string>("no memory") : std::nullopt;
        });
    }
    std::string path() const { return directory_ + "/shoal.toml"; }
    std::string file() const { return read_file(path()).value(); }
    std::set<std::string> addresses() const {
        std::set<std::string> all;
        for (const auto& address :
             redundancy::FloatingAddresses(directory_ + "/kernel.json").observe().value())
            all.insert(address.address.to_string());
        return all;
    }

    boost::asio::io_context loop_;
    std::string directory_;
    std::unique_ptr<History> history_;
    ForgetfulDataplane* fake_ = nullptr;
    std::unique_ptr<Controller> controller_;
    std::optional<dataplane::Operation> refused_;
    int seen_ = 0;
};

TEST_F(ChangesTest, a_change_is_recorded_and_in_force_and_in_the_file) {
    const auto changed = apply(text_after);
    ASSERT_TRUE(changed) << changed.error().message;
    EXPECT_EQ(changed->revision.number, 2U);
    EXPECT_EQ(changed->revision.author, (config::Author{"alice", 1000}));
    EXPECT_EQ(changed->replaced, 1U);
    EXPECT_FALSE(changed->confirm_until_ms);
    EXPECT_EQ(file(), text_after);
    EXPECT_EQ(fake_->state().services.size(), 2U);
    EXPECT_EQ(controller_->revision_status().number, 2U);
    EXPECT_FALSE(controller_->revision_status().file_is_edited);
}

TEST_F(ChangesTest, whichever_operation_fails_all_of_it_is_taken_back) {
    const auto services = fake_->state().services;
    bool refused = true;
    for (int n = 1; refused; ++n) {
        ASSERT_LT(n, 100);
        refuse_operation(n);
        const auto changed = apply(text_after);
        refused = refused_.has_value();
        if (!refused) {
            EXPECT_TRUE(changed);
            break;
        }
        ASSERT_FALSE(changed) << "operation " << n << ": " << dataplane::to_string(*refused_);
        EXPECT_EQ(changed.error().why, Why::failed);
        EXPECT_THAT(changed.error().failures, Contains(HasSubstr("no memory")));
        fake_->refuse(nullptr);
        // What could not even be taken back is tried again like any operation.
        ASSERT_TRUE(run_until([&] { return fake_->state().services == services; }))
            << "operation " << n << ": " << dataplane::to_string(*refused_);
        EXPECT_EQ(addresses(), std::set<std::string>{"192.0.2.80/24"});
        EXPECT_EQ(file(), text_before);
        EXPECT_EQ(controller_->revision_status().number, 1U);
        EXPECT_EQ(controller_->revisions().standing.in_force, 1U);
        EXPECT_THAT(controller_->revisions().standing.taken_back,
                    Contains(static_cast<std::uint64_t>(n) + 1));
    }
}

TEST_F(ChangesTest, what_the_kernel_took_and_does_not_hold_is_taken_back) {
    fake_->forgets_weights = true;
    const auto changed = apply(text_after);
    ASSERT_FALSE(changed);
    EXPECT_THAT(changed.error().failures, Contains(HasSubstr("does not hold it")));
    EXPECT_EQ(file(), text_before);
}

TEST_F(ChangesTest, an_address_that_cannot_be_added_is_a_failure_too) {
    auto text = std::string(text_after);
    net::testing::run("ip link add gone0 type veth peer name gone1");
    const auto place = text.find("wan0:2");
    text.replace(place, 6, "gone0");
    // It was there when the file was checked.
    bool gone = false;
    fake_->refuse([&](const dataplane::Operation&) -> std::optional<std::string> {
        if (!std::exchange(gone, true)) net::testing::run("ip link del gone0");
        return std::nullopt;
    });
    const auto changed = apply(text);
    ASSERT_FALSE(changed);
    EXPECT_THAT(changed.error().failures, Contains(HasSubstr("192.0.2.81/24")));
    EXPECT_EQ(fake_->state().services.size(), 1U);
    EXPECT_EQ(file(), text_before);
}

TEST_F(ChangesTest, what_failed_before_is_no_fault_of_the_change) {
    fake_->state().hooks.erase("wan0");
    fake_->refuse([](const dataplane::Operation& operation) -> std::optional<std::string> {
        if (std::holds_alternative<dataplane::AttachHook>(operation)) return "device is busy";
        return std::nullopt;
    });
    ASSERT_TRUE(run_until([&] {
        return ::testing::Matches(Contains(HasSubstr("device is busy")))(
            controller_->status()->problems);
    }));
    const auto changed = apply(text_after);
    ASSERT_TRUE(changed) << changed.error().message;
    EXPECT_THAT(changed->warnings, Contains(HasSubstr("device is busy")));
}

TEST_F(ChangesTest, taken_back_servers_serve_at_once_and_keep_their_orders) {
    using enum model::AdministrativeState;
    ASSERT_TRUE(controller_->set_state({.real_server = "web/web-2"}, {.state = maintenance}));
    fake_->refuse([](const dataplane::Operation& operation) -> std::optional<std::string> {
        const auto* add = std::get_if<dataplane::AddService>(&operation);
        if (add != nullptr && add->key.port.first == 25) return "no memory";
        return std::nullopt;
    });
    ASSERT_FALSE(apply(text_after));
    ASSERT_EQ(fake_->state().services.size(), 1U);
    EXPECT_EQ(testing::weights(fake_->state().services[0]),
              (std::map<int, std::uint32_t>{{1, 1}, {2, 0}}));
    EXPECT_EQ(controller_->status()->virtual_servers[0].real_servers[1].state, maintenance);
}

TEST_F(ChangesTest, a_trial_that_nobody_confirms_ends_by_itself) {
    const auto changed = apply(text_after, Milliseconds(1500));
    ASSERT_TRUE(changed);
    EXPECT_TRUE(changed->confirm_until_ms);
    EXPECT_EQ(fake_->state().services.size(), 2U);
    EXPECT_EQ(file(), text_before) << "written when it is confirmed";
    EXPECT_EQ(controller_->revision_status().former, 1U);
    EXPECT_TRUE(run_until([&] { return fake_->state().services.size() == 1; }));
    EXPECT_EQ(controller_->revision_status().number, 1U);
    EXPECT_FALSE(controller_->revision_status().confirm_until_ms);
    EXPECT_TRUE(apply(text_after)) << "and the next change may come";
}

TEST_F(ChangesTest, a_confirmed_trial_stays) {
    ASSERT_TRUE(apply(text_after, Milliseconds(60'000)));
    ASSERT_TRUE(controller_->confirm());
    EXPECT_EQ(file(), text_after);
    EXPECT_EQ(controller_->confirm().error().why, Why::nothing);
    EXPECT_EQ(controller_->revert().error().why, Why::nothing);
    start_shoald();
    EXPECT_EQ(fake_->state().services.size(), 2U);
}

TEST_F(ChangesTest, a_trial_can_be_reverted_at_once_and_keeps_orders_until_then) {
    using enum model::AdministrativeState;
    ASSERT_TRUE(controller_->set_state({.real_server = "web/web-2"}, {.state = draining}));
    ASSERT_TRUE(apply(text_after, Milliseconds(60'000)));
    const auto reverted = controller_->revert();
    ASSERT_TRUE(reverted);
    EXPECT_EQ(reverted->revision.number, 1U);
    EXPECT_EQ(reverted->replaced, 2U);
    EXPECT_TRUE(run_until([&] { return settled(); }));
    EXPECT_EQ(controller_->status()->virtual_servers[0].real_servers[1].state, draining);
    EXPECT_EQ(file(), text_before);
}

TEST_F(ChangesTest, a_trial_goes_on_in_the_next_shoald) {
    ASSERT_TRUE(apply(text_after, Milliseconds(60'000)));
    start_shoald();
    EXPECT_EQ(fake_->state().services.size(), 2U);
    EXPECT_EQ(controller_->revision_status().former, 1U);
    ASSERT_TRUE(controller_->revert());
    EXPECT_TRUE(run_until([&] { return fake_->state().services.size() == 1; }));
}

TEST_F(ChangesTest, while_one_is_on_trial_there_is_no_other_change) {
    ASSERT_TRUE(apply(text_after, Milliseconds(60'000)));
    const auto refused = apply(text_before);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().why, Why::busy);
    EXPECT_THAT(refused.error().message, HasSubstr("revision 2 by alice is on trial"));
}

TEST_F(ChangesTest, whoever_expects_another_revision_learns_what_both_changed) {
    ASSERT_TRUE(apply(text_after));
    auto ours = std::string(text_before);
    ours.replace(ours.find("[virtual_server.monitor]"), 0, "scheduler = \"sh\"\n");
    const auto refused = apply(ours, {}, 1);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().why, Why::conflict);
    ASSERT_EQ(refused.error().fields.size(), 1U);
    EXPECT_EQ(refused.error().fields[0].field, "virtual_server web, scheduler");
    EXPECT_EQ(file(), text_after);
    EXPECT_TRUE(apply(ours, {}, 2));
}

TEST_F(ChangesTest, the_text_in_force_is_no_new_revision) {
    const auto changed = apply(text_before, Milliseconds(1000));
    ASSERT_TRUE(changed);
    EXPECT_EQ(changed->revision.number, 1U);
    EXPECT_FALSE(changed->confirm_until_ms);
    EXPECT_EQ(controller_->revisions().heads.size(), 1U);
}

TEST_F(ChangesTest, an_edited_file_is_told_and_in_force_after_reload) {
    write_file(path(), text_after).value();
    EXPECT_TRUE(controller_->revision_status().file_is_edited);
    EXPECT_EQ(fake_->state().services.size(), 1U);
    EXPECT_EQ(controller_->configuration_file().value(), text_after);
    const auto reloaded = wait_for(
        [&](OnChanged on_changed) { controller_->reload({"root", 0}, std::move(on_changed)); });
    ASSERT_TRUE(reloaded) << reloaded.error().message;
    EXPECT_EQ(reloaded->revision.author.user, "root");
    EXPECT_FALSE(controller_->revision_status().file_is_edited);
    EXPECT_EQ(fake_->state().services.size(), 2U);
}

TEST_F(ChangesTest, a_broken_file_is_not_reloaded) {
    write_file(path(), "[global]\nname = 7\n").value();
    const auto refused = wait_for(
        [&](OnChanged on_changed) { controller_->reload({"root", 0}, std::move(on_changed)); });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().problems.size(), 1U);
    EXPECT_EQ(fake_->state().services.size(), 1U);
}

TEST_F(ChangesTest, with_a_broken_file_the_next_shoald_goes_on_as_before) {
    ASSERT_TRUE(apply(text_after));
    write_file(path(), "[global]\nname = 7\n").value();
    start_shoald();
    EXPECT_EQ(fake_->state().services.size(), 2U);
    EXPECT_THAT(controller_->status()->problems,
                Contains(HasSubstr("revision 2 is in force instead")));
}

TEST_F(ChangesTest, a_store_that_takes_nothing_refuses_the_change) {
    std::filesystem::remove_all(directory_ + "/revisions");
    write_file(directory_ + "/revisions", "a file in the way").value();
    const auto refused = apply(text_after);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, StartsWith("recording the revision"));
    EXPECT_EQ(fake_->state().services.size(), 1U);
    EXPECT_EQ(file(), text_before);
}

TEST_F(ChangesTest, after_stop_there_is_no_change) {
    EXPECT_TRUE(controller_->stop());
    EXPECT_EQ(apply(text_after).error().why, Why::busy);
}

}  // namespace
}  // namespace shoal::director
