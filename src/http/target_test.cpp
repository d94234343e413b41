#include "http/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shoal::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

TEST(Target, path_and_parameters_are_taken_apart_and_decoded) {
    const auto target = parse_target("/v1/servers/web%2F1%20a?client=%5B2001:db8::1%5D&x=a+b&flag");
    ASSERT_TRUE(target.has_value());
    EXPECT_THAT(target->path, ElementsAre("v1", "servers", "web/1 a"));
    EXPECT_THAT(target->query,
                ElementsAre(Pair("client", "[2001:db8::1]"), Pair("flag", ""), Pair("x", "a b")));
}

TEST(Target, a_slash_at_the_end_means_nothing) {
    EXPECT_EQ(*parse_target("/v1/status/"), *parse_target("/v1/status"));
    EXPECT_THAT(parse_target("/")->path, IsEmpty());
    EXPECT_THAT(parse_target("/?a=1")->path, IsEmpty());
    EXPECT_THAT(parse_target("/?a=1")->query, ElementsAre(Pair("a", "1")));
}

TEST(Target, a_plus_in_a_path_is_a_plus) {
    EXPECT_THAT(parse_target("/a+b")->path, ElementsAre("a+b"));
}

TEST(Target, empty_segments_and_dots_stay_what_they_are) {
    EXPECT_THAT(parse_target("/v1//..")->path, ElementsAre("v1", "", ".."));
}

TEST(Target, what_is_broken_is_refused) {
    for (const auto* broken : {"", "v1/status", "*", "http://host/v1", "/%", "/%4", "/%zz", "/%+1",
                               "/%00", "/a?b=%", "/a?%=b"})
        EXPECT_FALSE(parse_target(broken).has_value()) << broken;
    EXPECT_FALSE(parse_target(std::string_view("/a\0", 3)).has_value());
    EXPECT_THAT(parse_target("/a?b=1&b=2").error().message, HasSubstr("\"b\" is given twice"));
}

TEST(Target, encoding_is_the_inverse_of_decoding) {
    std::string every_byte;
    for (int byte = 1; byte < 256; ++byte)
        every_byte += static_cast<char>(byte);
    const auto target = parse_target("/" + percent_encode(every_byte));
    ASSERT_TRUE(target.has_value());
    EXPECT_THAT(target->path, ElementsAre(every_byte));
}

}  // namespace
}  // namespace shoal::http
