#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/problem.h"

namespace shoal::config {

/// Gathers the problems of a file, wherever they are found, and gives them in the file's order.
class ProblemList {
  public:
    void add(Position position, std::string message, std::string advice = "") {
        problems_.emplace(position, Problem{position.line, position.column, std::move(message),
                                            std::move(advice)});
    }
    bool empty() const { return problems_.empty(); }
    std::vector<Problem> take();

  private:
    std::multimap<Position, Problem> problems_;
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
