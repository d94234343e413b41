#include "base/log.h"

#include <gtest/gtest.h>

namespace shoal {
namespace {

TEST(Log, writes_the_identifier_and_the_text) {
    testing::internal::CaptureStderr();
    log(Message::real_server_down, "{} of {}: refused", "web-1", "web");
    EXPECT_NE(
        testing::internal::GetCapturedStderr().find("real_server_down: web-1 of web: refused"),
        std::string::npos);
}

TEST(Log, every_message_is_explained) {
    EXPECT_EQ(message_id(Message::sweeper_late), "sweeper_late");
    EXPECT_FALSE(message_explanation(Message::sweeper_late).empty());
}

}  // namespace
}  // namespace shoal
