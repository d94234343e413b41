#include "director/audit_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing_disk.h"

namespace shoal::director {
namespace {

using shoal::testing::FaultyDisk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

constexpr auto path = "state/audit/audit.log";

AuditRecord record(const std::string& what) {
    return {.time_ms = 1'800'000'000'000,
            .user = "alice",
            .uid = 1000,
            .pid = 42,
            .from = "/run/shoal/shoald.sock",
            .what = what,
            .result = "200"};
}

class AuditTest : public ::testing::Test {
  protected:
    void add(const std::string& what) { AuditLog(disk_, "state/audit").add(record(what)); }
    AuditReading read() const { return log_.read(); }
    FaultyDisk disk_;
    AuditLog log_{disk_, "state/audit"};
};

TEST_F(AuditTest, records_are_read_as_they_were_written_also_by_the_next_shoald) {
    EXPECT_THAT(read().records, IsEmpty());
    add("one");
    add("two");
    const auto reading = read();
    EXPECT_THAT(reading.damages, IsEmpty());
    ASSERT_THAT(reading.records, SizeIs(2));
    auto expected = record("two");
    expected.number = 2;
    EXPECT_EQ(reading.records[1], expected);
}

TEST_F(AuditTest, a_changed_record_is_found) {
    add("one");
    add("two");
    auto& file = disk_.content(path);
    file.replace(file.find("alice"), 5, "mally");
    EXPECT_THAT(read().damages, ElementsAre(HasSubstr("line 1: its checksum is wrong")));
}

TEST_F(AuditTest, a_record_that_was_changed_with_its_checksum_breaks_the_chain) {
    add("one");
    add("two");
    auto forged = record("something else");
    forged.number = 1;
    auto& file = disk_.content(path);
    file = audit_line(forged, "").text + file.substr(file.find('\n') + 1);
    EXPECT_THAT(read().damages, ElementsAre(HasSubstr("line 2: it does not follow")));
}

TEST_F(AuditTest, a_record_that_was_taken_out_is_missed) {
    for (const auto* what : {"one", "two", "three"})
        add(what);
    auto& file = disk_.content(path);
    const auto first = file.find('\n') + 1;
    file.erase(first, file.find('\n', first) + 1 - first);
    EXPECT_THAT(read().damages, ElementsAre(HasSubstr("line 2: it does not follow")));
    EXPECT_THAT(read().records, SizeIs(2));
}

TEST_F(AuditTest, the_chain_goes_on_over_files_and_the_oldest_goes) {
    const std::string long_text(1900, 'x');
    const auto enough = AuditLog::longest_file / long_text.size() * (AuditLog::most_files + 1);
    for (std::size_t i = 0; i < enough; ++i)
        log_.add(record(long_text));
    const auto reading = read();
    EXPECT_THAT(reading.damages, IsEmpty());
    EXPECT_EQ(reading.records.back().number, enough);
    EXPECT_GT(reading.records.front().number, 1U);
    EXPECT_THAT(disk_.list("state/audit").value(), SizeIs(AuditLog::most_files));
    EXPECT_THAT(disk_.content(path).size(), Le(AuditLog::longest_file));
    // A file that was just begun, and nothing in it.
    disk_.content(path).clear();
    const auto last = read().records.back().number;
    add("after");
    EXPECT_EQ(read().records.back().number, last + 1);
}

TEST_F(AuditTest, wherever_the_power_is_cut_what_was_there_stays_and_the_next_record_follows) {
    shoal::testing::for_every_cut(
        [](FaultyDisk& disk) { AuditLog(disk, "state/audit").add(record("one")); },
        [](FaultyDisk& disk) { AuditLog(disk, "state/audit").add(record("two")); },
        [](FaultyDisk& disk, int cut) {
            AuditLog log(disk, "state/audit");
            log.add(record("three"));
            const auto reading = log.read();
            EXPECT_EQ(reading.records.front().what, "one") << "cut at step " << cut;
            EXPECT_EQ(reading.records.back().what, "three") << "cut at step " << cut;
            for (const auto& damage : reading.damages)
                EXPECT_THAT(damage, HasSubstr("cut off")) << "cut at step " << cut;
        });
}

TEST_F(AuditTest, a_disk_that_is_full_breaks_no_chain) {
    log_.add(record("one"));
    const auto steps = disk_.steps();
    disk_.fail_at(steps + 2);
    log_.add(record("lost"));
    log_.add(record("two"));
    EXPECT_THAT(read().damages, IsEmpty());
    EXPECT_EQ(read().records.back().what, "two");
    EXPECT_EQ(read().records.back().number, 2U);
}

TEST_F(AuditTest, texts_are_bounded_and_may_be_no_text) {
    log_.add(record(std::string(100'000, 'x')));
    log_.add(record("\xff\n\"}"));
    const auto reading = read();
    EXPECT_THAT(reading.damages, IsEmpty());
    EXPECT_THAT(reading.records[0].what.size(), Le(2003U));
}

}  // namespace
}  // namespace shoal::director
