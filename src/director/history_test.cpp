#include "director/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/sha256.h"
#include "base/testing_disk.h"
#include "config/toml_reader.h"

namespace shoal::director {
namespace {

using shoal::testing::FaultyDisk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto path = "etc/shoal.toml";
constexpr auto broken = "[global]\nname = 7\n";
const config::Author alice{"alice", 1000};

std::string named(const std::string& name) {
    return "[global]\nname = \"" + name + "\"\n";
}

/// As the next shoald finds it.
class Next {
  public:
    explicit Next(FaultyDisk& disk, std::int64_t now_ms = 1000) : history(disk, "state", path) {
        auto begins = history.begin(now_ms);
        if (begins)
            beginning = std::move(*begins);
        else
            problems = begins.error();
    }
    std::string name() const { return beginning ? beginning->configuration.global.name : ""; }
    std::string former() const {
        return beginning && beginning->former ? beginning->former->global.name : "";
    }
    /// As a change that the kernel took.
    Result<std::vector<std::string>> apply(const std::string& text,
                                           std::optional<std::int64_t> trial_ms = {},
                                           std::int64_t now_ms = 1000) {
        const auto head = history.record(alice, "a change", now_ms, text);
        if (!head) return fail(head.error());
        return history.stand(head->number, trial_ms, now_ms);
    }

    History history;
    std::optional<Beginning> beginning;
    NoBeginning problems;
};

class HistoryTest : public ::testing::Test {
  protected:
    void SetUp() override { disk_.content(path) = named("one"); }
    std::string file() { return disk_.content(path); }
    FaultyDisk disk_;
};

TEST_F(HistoryTest, the_first_file_becomes_the_first_revision) {
    Next next(disk_);
    EXPECT_EQ(next.name(), "one");
    EXPECT_EQ(next.history.in_force().number, 1U);
    EXPECT_EQ(next.history.in_force().author.user, "file");
    EXPECT_FALSE(next.history.trial());
    Next again(disk_);
    EXPECT_EQ(again.history.in_force().number, 1U) << "and is not recorded twice";
    EXPECT_THAT(again.history.problems(), IsEmpty());
}

TEST_F(HistoryTest, a_change_is_in_the_file_and_there_again_at_the_next_start) {
    EXPECT_THAT(Next(disk_).apply(named("two")).value(), IsEmpty());
    EXPECT_EQ(file(), named("two"));
    Next next(disk_);
    EXPECT_EQ(next.name(), "two");
    EXPECT_EQ(next.history.in_force().number, 2U);
    EXPECT_EQ(next.history.in_force().author, alice);
}

TEST_F(HistoryTest, a_file_edited_while_shoald_was_dead_is_a_revision_of_its_own) {
    Next{disk_};
    disk_.content(path) = named("edited");
    Next next(disk_);
    EXPECT_EQ(next.name(), "edited");
    EXPECT_EQ(next.history.in_force().number, 2U);
    EXPECT_EQ(next.history.in_force().author.user, "file");
}

TEST_F(HistoryTest, a_file_edited_back_to_an_older_text_is_an_edit) {
    EXPECT_TRUE(Next(disk_).apply(named("two")));
    disk_.content(path) = named("one");
    Next next(disk_);
    EXPECT_EQ(next.name(), "one");
    EXPECT_EQ(next.history.in_force().number, 3U);
}

TEST_F(HistoryTest, instead_of_a_broken_file_the_last_revision_is_in_force) {
    EXPECT_TRUE(Next(disk_).apply(named("two")));
    disk_.content(path) = broken;
    Next next(disk_);
    EXPECT_EQ(next.name(), "two");
    EXPECT_THAT(next.history.problems(), ElementsAre(HasSubstr("line 2: ")));
    EXPECT_THAT(next.history.problems().front(), HasSubstr("revision 2 is in force instead"));
    EXPECT_EQ(file(), broken) << "the edit is left for whoever made it";
    EXPECT_TRUE(next.apply(named("three")));
    EXPECT_THAT(next.history.problems(), IsEmpty());
}

TEST_F(HistoryTest, and_instead_of_a_missing_one) {
    Next{disk_};
    ASSERT_TRUE(disk_.remove(path));
    Next next(disk_);
    EXPECT_EQ(next.name(), "one");
    EXPECT_THAT(next.history.problems(), ElementsAre(HasSubstr("No such file")));
}

TEST_F(HistoryTest, a_broken_file_and_no_revision_are_no_beginning) {
    disk_.content(path) = broken;
    Next next(disk_);
    EXPECT_FALSE(next.beginning);
    EXPECT_EQ(next.problems.problems.size(), 1U);
    EXPECT_EQ(next.problems.text, broken);
}

TEST_F(HistoryTest, what_was_taken_back_is_not_put_in_force_instead) {
    Next first(disk_);
    const auto failed = first.history.record(alice, "", 1, named("failed")).value();
    first.history.take_back(failed.number);
    disk_.content("state/revisions/000001.revision")[3] ^= 1;
    disk_.content(path) = broken;
    EXPECT_FALSE(Next(disk_).beginning);
}

TEST_F(HistoryTest, damages_are_told_and_stop_nothing) {
    EXPECT_TRUE(Next(disk_).apply(named("two")));
    disk_.content("state/revisions/in-force") = "x";
    disk_.content("state/revisions/000002.revision") = "x";
    Next next(disk_);
    EXPECT_EQ(next.name(), "two") << "it is still in the file";
    EXPECT_EQ(next.history.in_force().number, 3U);
    EXPECT_THAT(next.history.problems(), Contains(HasSubstr("revision 2: it is damaged")));
}

TEST_F(HistoryTest, a_store_that_takes_nothing_stops_nothing) {
    disk_.fail_at(1);
    Next next(disk_);
    EXPECT_EQ(next.name(), "one");
    EXPECT_EQ(next.history.in_force().number, 0U);
    EXPECT_THAT(next.history.problems(), ElementsAre(HasSubstr("No space left")));
}

TEST_F(HistoryTest, a_trial_is_not_in_the_file_until_it_is_confirmed) {
    Next next(disk_);
    ASSERT_TRUE(next.apply(named("two"), 60'000, 1000));
    EXPECT_EQ(file(), named("one"));
    EXPECT_FALSE(Next(disk_, 1000).history.trial_left_ms(1000) == 0);
    EXPECT_EQ(next.history.trial_left_ms(21'000), 40'000);
    EXPECT_EQ(next.history.trial_left_ms(-99'000), 60'000) << "the clock was set back";
    ASSERT_TRUE(next.history.confirm(2000));
    EXPECT_EQ(file(), named("two"));
    EXPECT_FALSE(next.history.trial());
    EXPECT_EQ(Next(disk_, 99'000).name(), "two");
}

TEST_F(HistoryTest, a_trial_goes_on_after_a_restart_in_time) {
    ASSERT_TRUE(Next(disk_).apply(named("two"), 60'000, 1000));
    Next next(disk_, 30'000);
    EXPECT_EQ(next.name(), "two");
    EXPECT_EQ(next.former(), "one");
    EXPECT_EQ(next.history.trial_left_ms(30'000), 31'000);
    ASSERT_TRUE(next.history.revert());
    EXPECT_EQ(next.history.in_force().number, 1U);
    EXPECT_EQ(Next(disk_, 31'000).name(), "one");
}

TEST_F(HistoryTest, a_trial_is_over_after_a_restart_too_late) {
    ASSERT_TRUE(Next(disk_).apply(named("two"), 60'000, 1000));
    Next next(disk_, 61'000);
    EXPECT_EQ(next.name(), "one");
    EXPECT_EQ(next.history.in_force().number, 1U);
    EXPECT_FALSE(next.history.trial());
    EXPECT_TRUE(next.history.store().standing().taken_back.contains(2));
}

TEST_F(HistoryTest, an_edit_during_a_trial_waits_for_its_end) {
    ASSERT_TRUE(Next(disk_).apply(named("two"), 60'000, 1000));
    disk_.content(path) = named("edited");
    EXPECT_EQ(Next(disk_, 2000).name(), "two");
    EXPECT_EQ(Next(disk_, 61'000).name(), "edited");
}

TEST_F(HistoryTest, a_trial_whose_former_revision_is_damaged_stays) {
    ASSERT_TRUE(Next(disk_).apply(named("two"), 60'000, 1000));
    disk_.content("state/revisions/000001.revision") = "x";
    Next in_time(disk_, 2000);
    EXPECT_EQ(in_time.name(), "two");
    EXPECT_FALSE(in_time.history.trial());
    EXPECT_THAT(in_time.history.problems(), Contains(HasSubstr("revision 2 stays")));
}

TEST_F(HistoryTest, too_late_the_file_has_what_a_damaged_revision_said) {
    ASSERT_TRUE(Next(disk_).apply(named("two"), 60'000, 1000));
    disk_.content("state/revisions/000001.revision") = "x";
    EXPECT_EQ(Next(disk_, 61'000).name(), "one");
}

TEST_F(HistoryTest, an_edit_is_kept_as_a_revision_before_it_is_overwritten) {
    Next next(disk_);
    disk_.content(path) = named("edited");
    EXPECT_THAT(next.apply(named("two")).value(),
                ElementsAre(HasSubstr("what it said is kept as revision 3")));
    EXPECT_EQ(file(), named("two"));
    EXPECT_EQ(next.history.store().read(3)->text, named("edited"));
    EXPECT_EQ(next.history.in_force().number, 2U);
    EXPECT_THAT(next.apply(named("three")).value(), IsEmpty());
}

TEST_F(HistoryTest, an_edit_that_is_applied_is_no_other_text) {
    Next next(disk_);
    disk_.content(path) = named("edited");
    EXPECT_THAT(next.apply(named("edited")).value(), IsEmpty());
    EXPECT_EQ(next.history.store().revisions().size(), 2U);
}

TEST_F(HistoryTest, wherever_the_power_is_cut_the_old_or_the_new_configuration_comes_up) {
    std::set<std::string> seen;
    shoal::testing::for_every_cut(
        [](FaultyDisk& disk) {
            disk.content(path) = named("one");
            Next{disk};
        },
        [](FaultyDisk& disk) {
            Next next(disk);
            [[maybe_unused]] const auto done = next.apply(named("two"));
        },
        [&](FaultyDisk& disk, int cut) {
            Next next(disk);
            EXPECT_TRUE(next.name() == "one" || next.name() == "two")
                << "\"" << next.name() << "\", cut at step " << cut;
            EXPECT_THAT(next.history.problems(), IsEmpty()) << "cut at step " << cut;
            EXPECT_EQ(disk.content(path), named(next.name())) << "cut at step " << cut;
            EXPECT_NE(next.history.in_force().author.user, next.name() == "two" ? "file" : "alice")
                << "the file is not taken for an edit, cut at step " << cut;
            EXPECT_EQ(Next(disk).name(), next.name());
            seen.insert(next.name());
        });
    EXPECT_THAT(seen, ElementsAre("one", "two"));
}

TEST_F(HistoryTest, wherever_the_power_is_cut_an_edit_neither_gets_lost_nor_replaces_the_change) {
    std::set<std::string> seen;
    shoal::testing::for_every_cut(
        [](FaultyDisk& disk) {
            disk.content(path) = named("one");
            Next{disk};
        },
        [](FaultyDisk& disk) {
            Next next(disk);
            disk.content(path) = named("edited");
            [[maybe_unused]] const auto done = next.apply(named("two"));
        },
        [&](FaultyDisk& disk, int cut) {
            // Cuts that are the editor's own concern.
            if (disk.content(path) != named("edited") && disk.content(path) != named("two")) return;
            config::RevisionStore store(disk, "state/revisions");
            store.open();
            const bool applied = store.standing().in_force == 2;
            Next next(disk);
            EXPECT_EQ(next.name(), applied ? "two" : "edited") << "cut at step " << cut;
            bool kept = disk.content(path) == named("edited");
            for (const auto& [number, head] : next.history.store().revisions())
                kept = kept || head.hash == sha256(named("edited"));
            EXPECT_TRUE(kept) << "cut at step " << cut;
            seen.insert(next.name());
        });
    EXPECT_THAT(seen, ElementsAre("edited", "two"));
}

TEST_F(HistoryTest, a_file_that_cannot_be_read_is_left_alone) {
    Next next(disk_);
    const std::string endless(config::max_file_size + 1, '#');
    disk_.content(path) = endless;
    EXPECT_THAT(next.apply(named("two")).value(), ElementsAre(HasSubstr("is left as it is")));
    EXPECT_EQ(file(), endless);
    EXPECT_EQ(next.history.in_force().number, 2U);
}

TEST_F(HistoryTest, a_change_that_shoald_was_killed_over_never_was_in_force) {
    Next first(disk_);
    ASSERT_TRUE(first.history.record(alice, "a change", 1, named("two")));
    Next next(disk_);
    EXPECT_EQ(next.name(), "one");
    EXPECT_THAT(next.history.store().standing().taken_back, ElementsAre(2));
}

TEST_F(HistoryTest, wherever_the_power_is_cut_a_trial_ends_as_it_should) {
    shoal::testing::for_every_cut(
        [](FaultyDisk& disk) {
            disk.content(path) = named("one");
            [[maybe_unused]] const auto done = Next(disk).apply(named("two"), 60'000, 1000);
        },
        [](FaultyDisk& disk) {
            Next next(disk, 2000);
            [[maybe_unused]] const auto done = next.history.revert();
        },
        [&](FaultyDisk& disk, int cut) {
            EXPECT_EQ(Next(disk, 61'000).name(), "one") << "cut at step " << cut;
            EXPECT_EQ(disk.content(path), named("one")) << "cut at step " << cut;
        });
}

TEST_F(HistoryTest, a_step_of_a_change_that_fails_is_told) {
    for (int step = 1; step < 30; ++step) {
        FaultyDisk disk;
        disk.content(path) = named("one");
        Next next(disk);
        disk.restart(FaultyDisk::Names::all, FaultyDisk::Contents::all);
        disk.fail_at(step);
        const auto done = next.apply(named("two"));
        if (disk.steps() < step) return;
        EXPECT_TRUE(!done || !done->empty()) << "step " << step;
        EXPECT_EQ(next.history.in_force().number, done ? 2U : 1U) << "step " << step;
    }
    FAIL() << "a change has fewer steps";
}

}  // namespace
}  // namespace shoal::director
