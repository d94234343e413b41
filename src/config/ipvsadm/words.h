#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"

namespace shoal::config::ipvsadm {

struct Word {
    std::string text;
    Position place;
};

struct Line {
    Position place;
    std::vector<Word> words;
};

/// The lines of a text, cut at blanks; those without words, and comments, are left out.
std::vector<Line> lines_of(std::string_view text);

}  // namespace shoal::config::ipvsadm
