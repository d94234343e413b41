#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

namespace shoal {
namespace {

class File : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "shoal-file-XXXXXX";
        directory_ = mkdtemp(name.data());
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    std::string path(const std::string& name) const { return directory_ + "/" + name; }

    std::string directory_;
};

TEST_F(File, reads_back_what_was_written_and_leaves_nothing_beside_it) {
    const auto file = path("made/on/the/way/shoal.toml");
    ASSERT_TRUE(write_file(file, "one"));
    ASSERT_TRUE(write_file(file, "two\n"));
    EXPECT_EQ(read_file(file).value(), "two\n");
    const std::filesystem::directory_iterator files(path("made/on/the/way"));
    EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST_F(File, keeps_the_mode) {
    ASSERT_TRUE(write_file(path("secret"), "one"));
    ASSERT_EQ(chmod(path("secret").c_str(), 0600), 0);
    ASSERT_TRUE(write_file(path("secret"), "two"));
    EXPECT_EQ(std::filesystem::status(path("secret")).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(File, says_which_file_is_missing) {
    EXPECT_EQ(read_file(path("none")).error().message,
              path("none") + ": No such file or directory");
    EXPECT_EQ(read_file(directory_).error().message, directory_ + ": Is a directory");
}

TEST_F(File, refuses_what_is_longer_than_asked_for) {
    ASSERT_TRUE(write_file(path("long"), "12345"));
    EXPECT_EQ(read_file(path("long"), 5).value(), "12345");
    EXPECT_EQ(read_file(path("long"), 4).error().message, path("long") + ": longer than 4 bytes");
}

}  // namespace
}  // namespace shoal
