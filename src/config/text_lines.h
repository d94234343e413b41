#pragma once

#include <cstddef>
#include <string_view>

#include "config/problem.h"

// A text as lines of characters, as positions in problems count them.

namespace shoal::config {

std::string_view without_byte_order_mark(std::string_view text);

/// Line `number`, from 1, without its line end; empty behind the last one.
std::string_view line_of(std::string_view text, int number);

/// The columns of a line's bytes, asked for from left to right: however many, the line is counted
/// through once.
class Columns {
  public:
    explicit Columns(std::string_view line) : line_(line) {}
    /// Of the byte `at`, or of the end; not before the one that was asked for last.
    int of(std::size_t at);

  private:
    std::string_view line_;
    std::size_t counted_ = 0;
    int column_ = 1;
};

/// The problem with its position moved into the text, where it lies behind the end of the text or
/// of its line: at most one column behind the last character.
Problem inside(Problem problem, std::string_view text);

}  // namespace shoal::config
