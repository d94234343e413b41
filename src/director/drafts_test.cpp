#include "director/drafts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/sha256.h"
#include "base/testing_disk.h"
#include "config/toml_reader.h"

namespace shoal::director {
namespace {

using shoal::testing::FaultyDisk;
using ::testing::HasSubstr;

config::Revision draft_of(const std::string& user, std::string text) {
    config::RevisionHead head{
        .number = 7, .author = {user, 1000}, .time_ms = 5, .hash = sha256(text)};
    return {std::move(head), std::move(text)};
}

class DraftsTest : public ::testing::Test {
  protected:
    FaultyDisk disk_;
    Drafts drafts_{disk_, "state/drafts"};
};

TEST_F(DraftsTest, each_user_has_one) {
    EXPECT_FALSE(drafts_.read("alice").value());
    const auto first = draft_of("alice", "one\n");
    const auto other = draft_of("../bob\n", "not\nTOML \xff\n");
    ASSERT_TRUE(drafts_.keep(first));
    ASSERT_TRUE(drafts_.keep(other));
    EXPECT_EQ(drafts_.read("alice").value(), first);
    EXPECT_EQ(drafts_.read("../bob\n").value(), other);
    const auto second = draft_of("alice", "two\n");
    ASSERT_TRUE(drafts_.keep(second));
    disk_.restart(FaultyDisk::Names::synced, FaultyDisk::Contents::synced);
    EXPECT_EQ(Drafts(disk_, "state/drafts").read("alice").value(), second);
    ASSERT_TRUE(drafts_.remove("alice"));
    EXPECT_TRUE(drafts_.remove("alice")) << "there is none, as was wanted";
    EXPECT_FALSE(drafts_.read("alice").value());
    EXPECT_TRUE(drafts_.read("../bob\n").value());
}

TEST_F(DraftsTest, are_bounded) {
    EXPECT_FALSE(drafts_.keep(draft_of("alice", std::string(config::max_file_size + 1, '#'))));
    for (std::size_t i = 0; i < Drafts::most_drafts; ++i)
        ASSERT_TRUE(drafts_.keep(draft_of("user " + std::to_string(i), "")));
    EXPECT_THAT(drafts_.keep(draft_of("alice", "")).error().message, HasSubstr("200 drafts"));
    EXPECT_TRUE(drafts_.keep(draft_of("user 7", "changed")));
}

TEST_F(DraftsTest, that_are_damaged_are_told_and_can_be_replaced) {
    ASSERT_TRUE(drafts_.keep(draft_of("alice", "one")));
    disk_.content("state/drafts/" + sha256("alice") + ".draft")[3] ^= 1;
    EXPECT_THAT(drafts_.read("alice").error().message, HasSubstr("the draft of alice"));
    ASSERT_TRUE(drafts_.keep(draft_of("alice", "two")));
    EXPECT_TRUE(drafts_.read("alice").value());
}

TEST_F(DraftsTest, wherever_the_power_is_cut_the_old_or_the_new_one_is_there) {
    std::set<std::string> seen;
    shoal::testing::for_every_cut(
        [](FaultyDisk& disk) {
            ASSERT_TRUE(Drafts(disk, "state/drafts").keep(draft_of("alice", "old")));
        },
        [](FaultyDisk& disk) {
            [[maybe_unused]] const auto done =
                Drafts(disk, "state/drafts").keep(draft_of("alice", "new"));
        },
        [&](FaultyDisk& disk, int cut) {
            const auto draft = Drafts(disk, "state/drafts").read("alice");
            ASSERT_TRUE(draft && *draft) << "cut at step " << cut;
            seen.insert((*draft)->text);
        });
    EXPECT_THAT(seen, ::testing::ElementsAre("new", "old"));
}

}  // namespace
}  // namespace shoal::director
