#include "net/state_file.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace shoal::net {
namespace {

class StateFileTest : public ::testing::Test {
  protected:
    StateFileTest() {
        std::string name = ::testing::TempDir() + "/shoal-state-XXXXXX";
        folder = mkdtemp(name.data());
        path = folder / "run" / "state.json";
    }
    ~StateFileTest() override { std::filesystem::remove_all(folder); }
    void write(const std::string& text) {
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }

    std::filesystem::path folder;
    std::filesystem::path path;
};

TEST_F(StateFileTest, keeps_what_was_stored) {
    const nlohmann::json state{{"sysctls", {1, 2}}};
    ASSERT_TRUE(StateFile(path).store(state));
    EXPECT_EQ(StateFile(path).load(), state);
}

TEST_F(StateFileTest, missing_or_damaged_is_empty) {
    EXPECT_EQ(StateFile(path).load(), nlohmann::json::object());
    for (const auto* damaged : {"", "{\"sysctls\": [", "[1, 2]", "7", "\xff\xfe"}) {
        write(damaged);
        EXPECT_EQ(StateFile(path).load(), nlohmann::json::object()) << damaged;
    }
}

TEST_F(StateFileTest, an_empty_state_leaves_no_file) {
    ASSERT_TRUE(StateFile(path).store({{"a", 1}}));
    ASSERT_TRUE(StateFile(path).store(nlohmann::json::object()));
    EXPECT_FALSE(std::filesystem::exists(path));
    EXPECT_TRUE(StateFile(path).store(nlohmann::json::object()));
}

TEST_F(StateFileTest, a_store_that_fails_keeps_the_old_state) {
    ASSERT_TRUE(StateFile(path).store({{"a", 1}}));
    // The place of the temporary file is taken by a folder.
    std::filesystem::create_directories(path.parent_path() /
                                        ("." + path.filename().string() + ".shoal-new"));
    EXPECT_FALSE(StateFile(path).store({{"a", 2}}));
    EXPECT_EQ(StateFile(path).load(), (nlohmann::json{{"a", 1}}));
}

}  // namespace
}  // namespace shoal::net
