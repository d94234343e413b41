#include "programs/order_format.h"

#include <gtest/gtest.h>

namespace shoal::programs {
namespace {

using End = health::ProgramResult::End;

Order order() {
    return {.id = 0x0123456789abcdef,
            .program = {.words = {"/bin/check", "", "10.11.12.1"},
                        .timeout = Milliseconds(1500),
                        .environment = {{"SHOAL_EVENT", "real-server-down"}, {"EMPTY", ""}}}};
}

/// The only frame that the text holds.
std::string frame_of(const std::string& text) {
    FrameReader reader;
    reader.add(text);
    auto frame = reader.next();
    EXPECT_TRUE(frame && *frame);
    EXPECT_FALSE(reader.next()->has_value());
    return frame && *frame ? **frame : std::string();
}

TEST(order_format, an_order_is_read_as_it_was_written) {
    const auto written = write_order(order());
    ASSERT_TRUE(written);
    const auto read = read_order(frame_of(*written));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, order().id);
    EXPECT_EQ(read->program.words, order().program.words);
    EXPECT_EQ(read->program.timeout, order().program.timeout);
    EXPECT_EQ(read->program.environment, order().program.environment);
}

TEST(order_format, an_answer_of_any_bytes_is_read_as_it_was_written) {
    const Answer answer{
        .id = 7,
        .result = {
            .end = End::exited, .code = -1, .output = std::string("\0\xff\n", 3), .reason = "why"}};
    const auto read = read_answer(frame_of(write_answer(answer)));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, 7U);
    EXPECT_EQ(read->result.end, End::exited);
    EXPECT_EQ(read->result.code, -1);
    EXPECT_EQ(read->result.output, answer.result.output);
    EXPECT_EQ(read->result.reason, "why");
}

TEST(order_format, long_output_is_cut) {
    const Answer answer{.id = 1, .result = {.output = std::string(100'000, 'x')}};
    EXPECT_EQ(read_answer(frame_of(write_answer(answer)))->result.output.size(), longest_output);
}

TEST(order_format, what_no_program_can_be_started_with_is_refused) {
    const auto refused = [](auto change) {
        auto wrong = order();
        change(wrong.program);
        return !write_order(wrong);
    };
    EXPECT_TRUE(refused([](auto& program) { program.words.clear(); }));
    EXPECT_TRUE(refused([](auto& program) { program.words[0] = "check"; }));
    EXPECT_TRUE(refused([](auto& program) { program.words[1] = std::string("a\0b", 3); }));
    EXPECT_TRUE(refused([](auto& program) { program.words[1] = std::string(70'000, 'x'); }));
    EXPECT_TRUE(refused([](auto& program) { program.environment["A=B"] = "c"; }));
    EXPECT_TRUE(refused([](auto& program) { program.environment[""] = "c"; }));
    EXPECT_TRUE(refused([](auto& program) { program.timeout = Milliseconds(0); }));
    EXPECT_TRUE(refused([](auto& program) { program.timeout = Milliseconds(3'600'001); }));
}

TEST(order_format, an_order_that_is_cut_anywhere_is_refused) {
    const auto frame = frame_of(*write_order(order()));
    for (std::size_t length = 0; length < frame.size(); ++length)
        EXPECT_FALSE(read_order(std::string_view(frame).substr(0, length))) << length;
    EXPECT_FALSE(read_order(frame + "x"));
}

TEST(order_format, an_answer_that_is_cut_anywhere_or_of_an_unknown_kind_is_refused) {
    auto frame = frame_of(write_answer({.id = 1, .result = {.output = "OK", .reason = "none"}}));
    for (std::size_t length = 0; length < frame.size(); ++length)
        EXPECT_FALSE(read_answer(std::string_view(frame).substr(0, length))) << length;
    frame[8] = 77;
    EXPECT_FALSE(read_answer(frame));
}

TEST(order_format, frames_come_in_any_pieces) {
    const auto text = write_answer({.id = 1, .result = {}}) + write_answer({.id = 2, .result = {}});
    FrameReader reader;
    std::vector<std::uint64_t> seen;
    for (const char byte : text) {
        reader.add({&byte, 1});
        if (const auto frame = *reader.next()) seen.push_back(read_answer(*frame)->id);
    }
    EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2}));
}

TEST(order_format, a_frame_that_is_too_long_is_refused_before_it_comes) {
    FrameReader reader;
    reader.add(std::string("\x00\x01\x00\x01", 4));
    EXPECT_FALSE(reader.next());
    EXPECT_FALSE(reader.next());
}

}  // namespace
}  // namespace shoal::programs
