#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shoal::config {

/// One thing wrong in a configuration file.
struct Problem {
    /// From 1. 0: the file as a whole.
    int line = 0;
    /// In characters (not bytes), from 1.
    int column = 0;
    /// One sentence: "unknown setting \"prot\" in virtual server \"web\"".
    std::string message;
    /// What would be right: "did you mean \"port\"?". May be empty.
    std::string advice;
    bool operator==(const Problem&) const = default;
};

/// "FILE:LINE:COLUMN: MESSAGE", the line itself, a caret, and the advice; for every problem.
std::string render(const std::vector<Problem>& problems, std::string_view file,
                   std::string_view text);

/// The same for what is no problem (config/notes.h): "FILE:LINE:COLUMN: note: MESSAGE".
std::string render_notes(const std::vector<Problem>& notes, std::string_view file,
                         std::string_view text);

}  // namespace shoal::config
