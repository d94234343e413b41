#pragma once

#include <cstddef>

#include "config/problem_list.h"

namespace shoal::config {

/// How much a foreign file has of what shoal.toml limits. It is refused as soon as that is too
/// much, with one error, before anything is made of the rest.
class ImportSize {
  public:
    explicit ImportSize(ProblemList& errors) : errors_(errors) {}

    void add_virtual_server(Position place);
    void add_real_server(Position place);
    bool is_too_large() const { return is_too_large_; }

  private:
    ProblemList& errors_;
    std::size_t virtual_servers_ = 0;
    std::size_t real_servers_ = 0;
    bool is_too_large_ = false;
};

}  // namespace shoal::config
