#pragma once

#include <compare>
#include <string>
#include <utility>
#include <vector>

#include "config/problem_list.h"

// What is said about the lines of a keepalived.conf and of the files that it includes.

namespace shoal::config::keepalived {

struct Place {
    /// In the file that is imported, from 1; for an included file those of its `include`.
    int line = 0;
    int column = 1;
    /// Which one of Remarks::add_file(), and the line there; 0: the file that is imported.
    std::size_t file = 0;
    int line_there = 0;
    auto operator<=>(const Place&) const = default;
};

class Remarks {
  public:
    /// Place::file counts them, from 1.
    void add_file(std::string path) { files_.push_back(std::move(path)); }
    /// What was said of this line already is not said again.
    void add(const Place& place, const std::string& message, std::string advice = "");
    bool is_full() const { return remarks_.size() >= max_problems; }
    /// In the order of the lines. Leaves none behind.
    std::vector<Problem> take();
    /// As add() words it.
    Problem problem(const Place& place, const std::string& message, std::string advice = "") const;

  private:
    std::vector<std::string> files_;
    struct Remark {
        /// Where, and the how manieth.
        std::pair<Place, std::size_t> order;
        Problem problem;
    };

    std::vector<Remark> remarks_;
    std::size_t left_out_ = 0;
};

}  // namespace shoal::config::keepalived
