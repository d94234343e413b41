#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/problem.h"

namespace shoal::config {

/// So many problems, or remarks, of one file are kept; what comes after is only counted.
inline constexpr std::size_t max_problems = 5'000;
/// Stands behind them for the others.
Problem more_problems(std::size_t count);

/// Gathers the problems of a file, wherever they are found, and gives them in the file's order.
class ProblemList {
  public:
    void add(Position position, std::string message, std::string advice = "");
    bool empty() const { return problems_.empty(); }
    /// The first max_problems that were added; leaves none behind.
    std::vector<Problem> take();

  private:
    std::multimap<Position, Problem> problems_;
    std::size_t left_out_ = 0;
};

/// The known word that `word` was probably meant to be: at most a third of its letters differ.
/// Empty: none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

/// "did you mean \"port\"?" where one is near, else "known: address, port".
std::string advise(std::string_view word, std::span<const std::string_view> known);

/// Where in a file a table stands, for messages: `real server "web-1" of virtual server "web"`.
struct Scope {
    const Scope* outer = nullptr;
    std::string_view what;
    const Table* table = nullptr;
    Position position;
    /// From 1, in a list of tables; 0: not in one.
    std::size_t number = 0;

    std::string text() const;
};

}  // namespace shoal::config
