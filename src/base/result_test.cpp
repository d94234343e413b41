#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace shoal {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) return fail("odd");
    return number / 2;
}

TEST(Result, and_then_stops_at_the_first_error) {
    EXPECT_EQ(half(12).and_then(half).value(), 3);
    EXPECT_EQ(half(6).and_then(half).error().message, "odd");
}

TEST(Result, transform_wraps_the_value) {
    EXPECT_EQ(half(4).transform([](int n) { return n + 1; }).value(), 3);
    EXPECT_FALSE(half(5).transform([](int n) { return n + 1; }).has_value());
}

TEST(Result, errors_name_what_was_being_done) {
    EXPECT_EQ(system_error("opening map", -ENOENT).within("adopting").message,
              "adopting: opening map: No such file or directory");
}

}  // namespace
}  // namespace shoal
