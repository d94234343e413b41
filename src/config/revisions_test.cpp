#include "config/revisions.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/sha256.h"
#include "base/testing_disk.h"
#include "config/toml_reader.h"

namespace shoal::config {
namespace {

using shoal::testing::FaultyDisk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto directory = "state/revisions";
const Author alice{"alice", 1000};

std::string path(int number) {
    return fmt::format("{}/{:06}.revision", directory, number);
}

std::vector<std::uint64_t> numbers(const RevisionStore& store) {
    std::vector<std::uint64_t> all;
    for (const auto& [number, head] : store.revisions())
        all.push_back(number);
    return all;
}

/// Two revisions, of which the second is in force.
void prepare(FaultyDisk& disk) {
    RevisionStore store(disk, directory);
    store.open();
    store.record(alice, "the first", 1, "one").value();
    store.record(alice, "the second", 2, "two").value();
    store.stand({.in_force = 2, .predecessor = 1, .file_hash = sha256("two")}).value();
}

class Revisions : public ::testing::Test {
  protected:
    std::vector<std::string> open() { return store_.open(); }
    FaultyDisk disk_;
    RevisionStore store_{disk_, directory};
};

TEST_F(Revisions, of_a_new_director_there_are_none) {
    EXPECT_THAT(open(), IsEmpty());
    EXPECT_THAT(numbers(store_), IsEmpty());
    EXPECT_EQ(store_.standing(), Standing{});
    EXPECT_EQ(store_.read(1).error().message, "there is no revision 1");
}

TEST_F(Revisions, are_there_again_after_a_restart) {
    prepare(disk_);
    disk_.restart(FaultyDisk::Names::synced, FaultyDisk::Contents::synced);
    EXPECT_THAT(open(), IsEmpty());
    EXPECT_THAT(numbers(store_), ElementsAre(1, 2));
    EXPECT_EQ(store_.standing().in_force, 2U);
    const auto first = store_.read(1).value();
    EXPECT_EQ(first.text, "one");
    EXPECT_EQ(first.head, (RevisionHead{1, alice, "the first", 1, sha256("one")}));
}

TEST_F(Revisions, are_not_recorded_where_they_could_not_be_read_back) {
    open();
    for (const auto& comment :
         {std::string("caf\xe9"), std::string(70'000, 'x'), std::string("two\nlines"),
          std::string("\xed\xa0\x80"), std::string("cut \xe2\x82")})
        EXPECT_FALSE(store_.record(alice, comment, 1, "one")) << comment.size();
    EXPECT_FALSE(store_.record({"b\xf6rn", 7}, "", 1, "one"));
    EXPECT_FALSE(store_.record(alice, "", 1, std::string(max_file_size + 1, '#')));
    EXPECT_EQ(disk_.steps(), 0);
    ASSERT_TRUE(store_.record({"björn", 7}, "café", 1, "one"));
    ASSERT_TRUE(store_.record(alice, std::string(1024, '"'), 1, std::string(max_file_size, '#')));
    EXPECT_TRUE(store_.read(1));
    EXPECT_TRUE(store_.read(2));
}

TEST_F(Revisions, keep_what_a_trial_needs_to_know) {
    prepare(disk_);
    open();
    const Standing standing{.in_force = 2,
                            .predecessor = 1,
                            .file_hash = sha256("one"),
                            .trial = Trial{.former = 1, .deadline_ms = 60'001, .span_ms = 60'000},
                            .taken_back = {1}};
    ASSERT_TRUE(store_.stand(standing));
    open();
    EXPECT_EQ(store_.standing(), standing);
}

TEST_F(Revisions, are_bounded_in_number_and_keep_those_that_are_needed) {
    open();
    store_.record(alice, "", 1, "in force").value();
    store_.record(alice, "", 1, "its predecessor").value();
    for (std::size_t i = 0; i < RevisionStore::most_revisions + 10; ++i)
        store_.record(alice, "", 1, "x").value();
    ASSERT_TRUE(store_.stand({.in_force = 1, .predecessor = 2, .taken_back = {3, 200}}));
    EXPECT_EQ(store_.revisions().size(), RevisionStore::most_revisions);
    EXPECT_TRUE(store_.revisions().contains(1) && store_.revisions().contains(2));
    EXPECT_FALSE(store_.revisions().contains(3));
    EXPECT_FALSE(disk_.exists(path(3)));
    open();
    EXPECT_EQ(store_.revisions().size(), RevisionStore::most_revisions);
    EXPECT_EQ(store_.record(alice, "", 1, "y")->number, 213U) << "numbers are not used again";
}

TEST_F(Revisions, wherever_the_power_is_cut_the_old_or_the_new_one_is_in_force) {
    std::set<std::uint64_t> seen;
    shoal::testing::for_every_cut(
        prepare,
        [](FaultyDisk& disk) {
            RevisionStore store(disk, directory);
            store.open();
            const auto head = store.record({"bob", 1001}, "the third", 3, "three");
            if (!head) return;
            [[maybe_unused]] const auto done = store.stand({.in_force = 3, .predecessor = 2});
        },
        [&](FaultyDisk& disk, int cut) {
            RevisionStore store(disk, directory);
            EXPECT_THAT(store.open(), IsEmpty()) << "cut at step " << cut;
            const auto in_force = store.standing().in_force;
            seen.insert(in_force);
            const auto revision = store.read(in_force);
            ASSERT_TRUE(revision) << revision.error().message << ", cut at step " << cut;
            EXPECT_EQ(revision->text, in_force == 3 ? "three" : "two");
            // And it goes on from there.
            const auto next = store.record(alice, "", 4, "four");
            ASSERT_TRUE(next);
            EXPECT_GT(next->number, in_force);
            EXPECT_TRUE(store.stand({.in_force = next->number}));
        });
    EXPECT_THAT(seen, ElementsAre(2, 3));
}

TEST_F(Revisions, a_step_that_fails_is_told_and_changes_nothing_that_counts) {
    bool failed = true;
    for (int step = 1; failed; ++step) {
        FaultyDisk disk;
        prepare(disk);
        disk.restart(FaultyDisk::Names::all, FaultyDisk::Contents::all);
        RevisionStore store(disk, directory);
        store.open();
        disk.fail_at(step);
        const auto head = store.record(alice, "", 3, "three");
        const auto stands = head ? store.stand({.in_force = 3, .predecessor = 2})
                                 : Result<void>(fail("not recorded"));
        failed = !stands;
        EXPECT_EQ(store.standing().in_force, failed ? 2U : 3U) << step;
        if (failed) EXPECT_TRUE(store.record(alice, "", 4, "four")) << "the next one works";
    }
}

TEST_F(Revisions, what_is_damaged_is_told_and_the_rest_is_used) {
    prepare(disk_);
    disk_.content(path(1))[70] ^= 1;
    const auto damages = open();
    EXPECT_THAT(damages, ElementsAre(HasSubstr("revision 1: it is damaged")));
    EXPECT_THAT(numbers(store_), ElementsAre(2));
    EXPECT_EQ(store_.standing().in_force, 2U);
    disk_.content("state/revisions/in-force") = "{}";
    EXPECT_THAT(open(), ElementsAre(HasSubstr("revision 1"), HasSubstr("in-force: it is damaged")));
    EXPECT_EQ(store_.standing(), Standing{});
    EXPECT_EQ(store_.record(alice, "", 3, "three")->number, 3U);
}

TEST_F(Revisions, a_file_under_another_name_is_no_revision_of_that_number) {
    prepare(disk_);
    disk_.content(path(7)) = disk_.content(path(1));
    disk_.content("state/revisions/x.revision") = "x";
    disk_.content("state/revisions/12.revision") = disk_.content(path(1));
    EXPECT_THAT(open(), ElementsAre(HasSubstr("its number is another one")));
    EXPECT_THAT(numbers(store_), ElementsAre(1, 2));
}

TEST_F(Revisions, one_that_somebody_changed_meanwhile_is_not_given_out) {
    prepare(disk_);
    open();
    disk_.content(path(1)) = revision_file({{.number = 1, .author = alice}, "another text"});
    EXPECT_THAT(store_.read(1).error().message, HasSubstr("changed by somebody else"));
}

TEST(RevisionFormat, refuses_what_it_would_not_write) {
    const auto sealed = [](const std::string& content) { return sha256(content) + "\n" + content; };
    EXPECT_FALSE(parse_revision(""));
    EXPECT_FALSE(parse_revision(sealed("{}")));
    EXPECT_FALSE(parse_revision(sealed("{}\n")));
    EXPECT_FALSE(
        parse_revision(sealed(R"({"number":0,"author":"a","uid":null,"comment":"","time_ms":1})"
                              "\n")));
    EXPECT_FALSE(
        parse_revision(sealed(R"({"number":1,"author":"a","uid":-1,"comment":"","time_ms":1})"
                              "\n")));
    EXPECT_FALSE(parse_revision(
        sealed(R"({"number":1,"author":"a","uid":4294967296,"comment":"","time_ms":1})"
               "\n")));
    EXPECT_TRUE(
        parse_revision(sealed(R"({"number":1,"author":"a","uid":null,"comment":"","time_ms":1})"
                              "\n")));
    EXPECT_FALSE(parse_standing(standing_file({.in_force = 1}) + " "));
    EXPECT_FALSE(parse_standing(standing_file({.file_hash = "x"})));
    EXPECT_TRUE(parse_standing(standing_file({})));
}

TEST(RevisionFormat, keeps_names_that_are_no_text) {
    const Revision revision{{.number = 1, .author = {"\xff", 1}, .comment = "line\nline"},
                            "\xff\n"};
    const auto again = parse_revision(revision_file(revision)).value();
    EXPECT_EQ(again.head.comment, "line\nline");
    EXPECT_EQ(again.text, "\xff\n");
}

}  // namespace
}  // namespace shoal::config
