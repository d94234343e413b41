#include "programs/descriptors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace shoal::programs {
namespace {

rlim_t allowed() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

class DescriptorsTest : public testing::Test {
  protected:
    void SetUp() override { ::getrlimit(RLIMIT_NOFILE, &before_); }
    void TearDown() override { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

TEST_F(DescriptorsTest, suffice_for_three_of_each_program) {
    EXPECT_GE(descriptors_for(10'000), 30'000U);
}

TEST_F(DescriptorsTest, are_allowed_up_to_what_this_process_may_have) {
    rlimit low{};
    ::getrlimit(RLIMIT_NOFILE, &low);
    ASSERT_GE(low.rlim_max, 400U);
    low.rlim_cur = 256;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    EXPECT_TRUE(allow_descriptors(400));
    EXPECT_EQ(allowed(), 400U);
    EXPECT_TRUE(allow_descriptors(300));
    EXPECT_EQ(allowed(), 400U) << "never less than before";
}

TEST_F(DescriptorsTest, are_refused_in_words_where_they_cannot_be_had) {
    // More than fs.nr_open, which nobody may exceed.
    const auto refused = allow_descriptors(std::size_t{1} << 40);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("1099511627776 open files are needed, and "),
              std::string::npos);
}

}  // namespace
}  // namespace shoal::programs
