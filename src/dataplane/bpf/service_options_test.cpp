#include "dataplane/bpf/service_options.h"

#include <gmock/gmock.h>

#include <cstring>

#include "dataplane/bpf/random_operations.h"

namespace shoal::dataplane {
namespace {

using ::testing::ElementsAre;

ServiceKey mark(std::uint32_t value) {
    ServiceKey key;
    key.mark = value;
    return key;
}

TEST(ServiceOptions, are_read_back_as_they_are_held) {
    RandomOperations random(3);
    for (int i = 0; i < 1000; ++i) {
        const bool marked = random.below(2) == 0;
        const ServiceKey key = marked ? mark(7) : web_service();
        const ServiceOptions options = random.options(marked);
        const __u32 hz = random.below(2) == 0 ? 250 : 1000;
        const ServiceOptions held = as_held(key, options, hz);
        ASSERT_EQ(as_held(key, held, hz), held);
        const shoal_service record = to_record(key, options, hz);
        const shoal_service again = to_record(key, held, hz);
        const bool keeps_nobody_out = !options.allow.empty() && held.allow.empty();
        if (!keeps_nobody_out) ASSERT_EQ(std::memcmp(&record, &again, sizeof record), 0);
        ASSERT_EQ(key_of(record), key);
        ASSERT_EQ(held.scheduler, options.scheduler);
        ASSERT_EQ(held.persistence.has_value(), options.persistence.has_value());
    }
}

TEST(ServiceOptions, a_prefix_of_both_lists_is_denied) {
    ServiceOptions options;
    options.allow = {net::Prefix::parse("10.0.0.7/8").value(),
                     net::Prefix::parse("10.1.0.0/16").value()};
    options.deny = {net::Prefix::parse("10.1.0.0/16").value()};
    EXPECT_THAT(to_access(options),
                ElementsAre(std::pair(net::Prefix::parse("10.0.0.0/8").value(), true),
                            std::pair(net::Prefix::parse("10.1.0.0/16").value(), false)));
}

TEST(ServiceOptions, an_allow_list_lets_nobody_else_in) {
    ServiceOptions options;
    options.allow = {net::Prefix::parse("10.0.0.0/8").value()};
    const __u32 flags = to_record(web_service(), options, 250).flags;
    EXPECT_EQ(flags & (SHOAL_SERVICE_ACCESS | SHOAL_SERVICE_CLOSED),
              SHOAL_SERVICE_ACCESS | SHOAL_SERVICE_CLOSED);
}

TEST(ServiceOptions, ports_of_a_mark_are_merged) {
    const auto address = web_service().address;
    const auto tcp = model::Protocol::tcp;
    EXPECT_THAT(merged({{tcp, address, 81}, {tcp, address, 80}, {tcp, address, {82, 90}}}),
                ElementsAre(MarkMatch{tcp, address, {80, 90}}));
    EXPECT_THAT(merged({{tcp, address, 81}, {tcp, address, 0}}),
                ElementsAre(MarkMatch{tcp, address, 0}));
}

TEST(ServiceOptions, times_are_whole_ticks_and_never_none) {
    ServiceOptions options;
    options.persistence = model::Persistence{.timeout = model::milliseconds(1)};
    EXPECT_EQ(to_record(web_service(), options, 250).persistence_timeout, 1U);
    EXPECT_EQ(as_held(web_service(), options, 250).persistence->timeout, model::milliseconds(4));
}

}  // namespace
}  // namespace shoal::dataplane
