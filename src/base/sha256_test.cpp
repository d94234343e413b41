#include "base/sha256.h"

#include <gtest/gtest.h>

namespace shoal {
namespace {

TEST(Sha256, is_that_of_the_standard) {
    // FIPS 180-2, appendix B.
    EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256, knows_its_own_form) {
    EXPECT_TRUE(is_sha256(sha256("abc")));
    EXPECT_FALSE(is_sha256(sha256("abc").substr(1)));
    EXPECT_FALSE(is_sha256(std::string(64, 'A')));
    EXPECT_FALSE(is_sha256(""));
}

}  // namespace
}  // namespace shoal
