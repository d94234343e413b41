#include "cli/sent_events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace shoal::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> take(SentEvents& events, std::string_view piece) {
    std::vector<std::string> taken;
    events.take(piece,
                [&](const SentEvent& event) { taken.push_back(event.kind + " " + event.data); });
    return taken;
}

TEST(SentEvents, come_whole_however_they_are_cut) {
    const std::string text =
        "id: 5-0\nevent: begin\ndata: {}\n\nid: 5-1\nevent: quorum-lost\ndata: {\"a\": 1}\n\n";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        SentEvents events;
        auto taken = take(events, std::string_view(text).substr(0, cut));
        for (auto& event : take(events, std::string_view(text).substr(cut)))
            taken.push_back(event);
        EXPECT_THAT(taken, ElementsAre("begin {}", "quorum-lost {\"a\": 1}"));
        EXPECT_EQ(events.last_id(), "5-1");
    }
}

TEST(SentEvents, a_heartbeat_moves_the_place_and_is_no_event) {
    SentEvents events;
    EXPECT_THAT(take(events, ":\nid: 5-9\n\n"), IsEmpty());
    EXPECT_EQ(events.last_id(), "5-9");
}

TEST(SentEvents, what_was_broken_off_comes_again) {
    SentEvents events;
    take(events, "id: 5-1\nevent: quorum-lost\ndata: {}\n\nid: 5-2\nevent: load-lo");
    EXPECT_EQ(events.last_id(), "5-1");
    events.break_off();
    EXPECT_THAT(take(events, ":\n\n"), IsEmpty());
    EXPECT_EQ(events.last_id(), "5-1");
    EXPECT_THAT(take(events, "id: 5-2\nevent: load-lost\ndata: {}\n\n"),
                ElementsAre("load-lost {}"));
}

}  // namespace
}  // namespace shoal::cli
