#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "health/program_runner.h"

// What shoald and shoal-run say to each other over a Unix socket. A frame is its length in 4 bytes
// and that many bytes; numbers are in network byte order, a text is its length in 2 bytes and its
// bytes. Both sides take the other for hostile.
//
//   order:  id 8, timeout 4 (ms), number of words 2, words, number of variables 2, each a name and
//           a value
//   result: id 8, end 1, code 4, output, reason

namespace shoal::programs {

/// The longest frame, without its length.
inline constexpr std::size_t longest_frame = 65536;
inline constexpr std::size_t longest_output = 4096;
inline constexpr std::size_t longest_complaint = 1024;
inline constexpr Milliseconds longest_timeout{3'600'000};

struct Order {
    std::uint64_t id = 0;
    health::ProgramOrder program{};
};

struct Answer {
    std::uint64_t id = 0;
    health::ProgramResult result{};
};

/// The whole frame; an error where the order is too long, or is one that read_order() refuses.
Result<std::string> write_order(const Order& order);
/// Of a frame without its length. Refuses what no program can be started with: no words, a path
/// that is not absolute, a zero byte, a name of a variable that is none, a time limit of 0 or above
/// longest_timeout.
Result<Order> read_order(std::string_view frame);

/// Output and reason are cut to what fits.
std::string write_answer(const Answer& answer);
Result<Answer> read_answer(std::string_view frame);

/// Cuts what comes over a connection into frames.
class FrameReader {
  public:
    void add(std::string_view bytes);
    /// The next frame without its length, nothing while it is not whole; an error, from then on
    /// always, where the other side announces one that is too long.
    Result<std::optional<std::string>> next();

  private:
    std::string bytes_;
    std::size_t begin_ = 0;
};

}  // namespace shoal::programs
