#include "telemetry/notifier.h"

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <deque>

namespace shoal::telemetry {
namespace {

using model::EventKind;

/// What was delivered, and how the next attempts end.
struct Postbox {
    std::vector<Event> delivered;
    int attempts = 0;
    int failures_to_come = 0;
    /// Holds the callbacks back instead of calling them.
    bool silent = false;
    std::deque<Delivery::OnDone> held;
};

class PostboxDelivery final : public Delivery {
  public:
    PostboxDelivery(boost::asio::io_context& loop, Postbox& box) : loop_(loop), box_(box) {}

    void deliver(const Event& event, OnDone on_done) override {
        ++box_.attempts;
        if (box_.silent) {
            box_.held.push_back(std::move(on_done));
            return;
        }
        const bool fails = box_.failures_to_come > 0;
        if (fails) --box_.failures_to_come;
        if (!fails) box_.delivered.push_back(event);
        boost::asio::post(loop_, [on_done = std::move(on_done), fails] {
            on_done(fails ? Result<void>(fail("as the test wants it")) : Result<void>());
        });
    }
    std::string name() const override { return "the postbox"; }

  private:
    boost::asio::io_context& loop_;
    Postbox& box_;
};

class NotifierTest : public testing::Test {
  protected:
    static model::Notification named(const std::string& name) {
        model::Notification notification;
        notification.name = name;
        return notification;
    }
    static Event failure(const std::string& server = "web-1") {
        return {.kind = EventKind::real_server_down,
                .virtual_server = "web",
                .real_server = server,
                .reason = "gone"};
    }
    bool run_until(const std::function<bool()>& condition) {
        const auto end = Clock::now() + std::chrono::minutes(1);
        while (!condition()) {
            if (Clock::now() > end) return false;
            loop_.restart();
            loop_.run_one_for(Milliseconds(10));
        }
        return true;
    }
    void settle() {
        loop_.restart();
        while (loop_.poll() > 0)
            continue;
    }

    boost::asio::io_context loop_;
    std::map<std::string, Postbox> boxes_;
    Notifier notifier_{loop_,
                       [this](const model::Notification& notification) {
                           return std::vector<std::shared_ptr<Delivery>>{
                               std::make_shared<PostboxDelivery>(loop_, boxes_[notification.name])};
                       },
                       {.pauses = {Milliseconds(1), Milliseconds(1)}, .most_waiting = 5}};
};

TEST_F(NotifierTest, an_event_goes_to_those_who_want_it) {
    auto pager = named("pager");
    pager.events = {EventKind::quorum_lost};
    notifier_.set_notifications({named("log"), pager}, "director-1");
    notifier_.tell(failure());
    ASSERT_TRUE(run_until([&] { return boxes_["log"].delivered.size() == 1; }));
    settle();
    EXPECT_EQ(boxes_["pager"].attempts, 0);
    const auto& event = boxes_["log"].delivered.front();
    EXPECT_EQ(event.director, "director-1");
    EXPECT_GT(event.time_ms, 0);
}

TEST_F(NotifierTest, a_failure_is_tried_again_twice) {
    notifier_.set_notifications({named("log")}, "d");
    auto& box = boxes_["log"];
    box.failures_to_come = 2;
    notifier_.tell(failure());
    ASSERT_TRUE(run_until([&] { return box.delivered.size() == 1; }));
    EXPECT_EQ(box.attempts, 3);
}

TEST_F(NotifierTest, after_three_failures_the_next_one_has_its_turn) {
    notifier_.set_notifications({named("log")}, "d");
    auto& box = boxes_["log"];
    box.failures_to_come = 3;
    notifier_.tell(failure("web-1"));
    notifier_.tell(failure("web-2"));
    ASSERT_TRUE(run_until([&] { return box.delivered.size() == 1; }));
    EXPECT_EQ(box.delivered.front().real_server, "web-2");
    EXPECT_EQ(box.attempts, 4);
}

TEST_F(NotifierTest, a_failing_one_delays_no_other) {
    notifier_.set_notifications({named("silent"), named("log")}, "d");
    boxes_["silent"].silent = true;
    for (int i = 0; i < 3; ++i)
        notifier_.tell(failure());
    ASSERT_TRUE(run_until([&] { return boxes_["log"].delivered.size() == 3; }));
    EXPECT_EQ(boxes_["silent"].attempts, 1);
}

TEST_F(NotifierTest, events_are_told_in_their_order_and_beyond_the_queue_they_are_left_out) {
    notifier_.set_notifications({named("log")}, "d");
    auto& box = boxes_["log"];
    box.silent = true;
    for (int i = 1; i <= 8; ++i)
        notifier_.tell(failure("web-" + std::to_string(i)));
    box.silent = false;
    box.held.front()(Result<void>());
    ASSERT_TRUE(run_until([&] { return box.delivered.size() == 4; }));
    settle();
    ASSERT_EQ(box.delivered.size(), 4U);
    EXPECT_EQ(box.delivered.front().real_server, "web-2");
    EXPECT_EQ(box.delivered.back().real_server, "web-5");
}

TEST_F(NotifierTest, a_storm_is_summed_up) {
    Notifier notifier(loop_, [this](const model::Notification&) {
        return std::vector<std::shared_ptr<Delivery>>{
            std::make_shared<PostboxDelivery>(loop_, boxes_["storm"])};
    });
    notifier.set_notifications({named("storm")}, "d");
    for (int i = 0; i < 5000; ++i)
        notifier.tell(failure("web-" + std::to_string(i)));
    auto& box = boxes_["storm"];
    std::uint32_t told = 0;
    // Where this machine is slow, the 5000 may come in more than one second.
    ASSERT_TRUE(run_until([&] {
        told = 0;
        for (const auto& event : box.delivered)
            told += event.count;
        return told >= 5000;
    }));
    EXPECT_EQ(told, 5000U);
    EXPECT_LE(box.delivered.size(), 100U);
}

TEST_F(NotifierTest, another_configuration_keeps_what_waits_for_those_who_stay) {
    notifier_.set_notifications({named("stays"), named("goes")}, "d");
    boxes_["stays"].silent = true;
    boxes_["goes"].silent = true;
    notifier_.tell(failure("web-1"));
    notifier_.tell(failure("web-2"));
    notifier_.set_notifications({named("new"), named("stays")}, "d");
    for (const char* name : {"stays", "goes"}) {
        boxes_[name].silent = false;
        boxes_[name].held.front()(Result<void>());
    }
    ASSERT_TRUE(run_until([&] { return boxes_["stays"].delivered.size() == 1; }));
    settle();
    EXPECT_EQ(boxes_["stays"].delivered.front().real_server, "web-2");
    EXPECT_EQ(boxes_["goes"].attempts, 1);
    EXPECT_EQ(boxes_["new"].attempts, 0);
}

TEST_F(NotifierTest, an_answer_that_comes_after_the_notifier_is_gone_finds_nobody) {
    Postbox box;
    box.silent = true;
    {
        Notifier notifier(loop_, [&](const model::Notification&) {
            return std::vector<std::shared_ptr<Delivery>>{
                std::make_shared<PostboxDelivery>(loop_, box)};
        });
        notifier.set_notifications({named("log")}, "d");
        notifier.tell(failure("web-1"));
        notifier.tell(failure("web-2"));
    }
    box.held.front()(Result<void>());
    settle();
    EXPECT_EQ(box.attempts, 1);
}

}  // namespace
}  // namespace shoal::telemetry
