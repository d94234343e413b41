#include "base/disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "base/testing_disk.h"

namespace shoal {
namespace {

using shoal::testing::FaultyDisk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LocalDisk, does_what_it_says) {
    std::string directory = ::testing::TempDir() + "shoal-disk-XXXXXX";
    ASSERT_NE(mkdtemp(directory.data()), nullptr);
    auto& disk = local_disk();
    const auto inner = directory + "/a/b";
    EXPECT_THAT(disk.list(inner).value(), IsEmpty());
    ASSERT_TRUE(disk.make_directories(inner));
    ASSERT_TRUE(disk.write(inner + "/two", "22", 0600));
    ASSERT_TRUE(disk.append(inner + "/one", "1", 0600));
    ASSERT_TRUE(disk.append(inner + "/one", "2", 0600));
    EXPECT_THAT(disk.list(inner).value(), ElementsAre("one", "two"));
    EXPECT_EQ(disk.read(inner + "/one", 2).value(), "12");
    EXPECT_FALSE(disk.read(inner + "/one", 1));
    ASSERT_TRUE(replace_file(disk, inner + "/one", "new", 0600));
    ASSERT_TRUE(disk.remove(inner + "/two"));
    EXPECT_FALSE(disk.remove(inner + "/two"));
    EXPECT_FALSE(disk.write(directory + "/none/x", "", 0600));
    EXPECT_FALSE(disk.sync_directory(directory + "/none"));
    EXPECT_EQ(disk.read(inner + "/one", 100).value(), "new");
    EXPECT_THAT(disk.list(inner).value(), ElementsAre("one"));
    std::filesystem::remove_all(directory);
}

TEST(ReplaceFile, leaves_the_old_or_the_new_file_wherever_the_power_is_cut) {
    std::set<std::string> seen;
    shoal::testing::for_every_cut(
        [](FaultyDisk& disk) { disk.content("d/file") = "the old one"; },
        [](FaultyDisk& disk) {
            [[maybe_unused]] const auto done = replace_file(disk, "d/file", "a new one", 0600);
        },
        [&](FaultyDisk& disk, int cut) {
            const auto content = disk.read("d/file", 100);
            ASSERT_TRUE(content) << "cut at step " << cut;
            EXPECT_TRUE(*content == "the old one" || *content == "a new one") << *content;
            seen.insert(*content);
        });
    EXPECT_EQ(seen.size(), 2U);
}

TEST(ReplaceFile, tells_which_step_failed_and_leaves_one_of_both) {
    for (int step = 1; step <= 3; ++step) {
        FaultyDisk disk;
        disk.content("d/file") = "old";
        disk.fail_at(step);
        EXPECT_FALSE(replace_file(disk, "d/file", "new", 0600)) << step;
        EXPECT_EQ(disk.read("d/file", 100).value(), step == 3 ? "new" : "old");
    }
}

}  // namespace
}  // namespace shoal
