#include "config/json_reader.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "model/json.h"

namespace shoal::config {
namespace {

TEST(JsonReader, reads_back_what_to_json_wrote) {
    const auto full = read_file(SHOAL_SOURCE_DIR "/examples/full.toml");
    ASSERT_TRUE(full) << full.error().message;
    const auto configuration = read_toml(*full, {});
    ASSERT_TRUE(configuration);
    const auto again = read_json(model::to_json(*configuration), {});
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *configuration);
}

TEST(JsonReader, reports_like_the_reader_of_files_but_without_a_place) {
    const auto json = nlohmann::json::parse(R"({"virtual_server": [{"name": "web", "prot": 1,
        "address": "192.0.2.1", "device": "wan0", "port": null}]})");
    const auto read = read_json(json, {});
    ASSERT_FALSE(read);
    EXPECT_EQ(
        read.error(),
        (std::vector<Problem>{
            {0, 0,
             "port in virtual server \"web\" must be a port or a range of ports, not a value of "
             "another kind",
             "for instance port = 80"},
            {0, 0, "unknown setting \"prot\" in virtual server \"web\"",
             "did you mean \"port\"?"}}));
}

TEST(JsonReader, survives_odd_documents) {
    const auto huge = std::numeric_limits<std::uint64_t>::max();
    EXPECT_FALSE(read_json(nlohmann::json::array(), {}));
    EXPECT_FALSE(read_json({{"global", {{"table_size", huge}}}}, {}));
    nlohmann::json deep;
    for (int i = 0; i < 1000; ++i)
        deep = {{"global", std::move(deep)}};
    EXPECT_FALSE(read_json(deep, {}));
}

}  // namespace
}  // namespace shoal::config
