#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "config/problem_list.h"

// lvs.cf as statements. The rules are those of Piranha's parser; where it was stricter than anybody
// expects, the statement is understood and the tolerance noted.

namespace shoal::config::lvs_cf {

struct Word {
    /// Without its quotes; a backslash stands for itself.
    std::string text;
    Position place;
    bool quoted = false;
};

struct Statement {
    enum class Kind {
        assignment,  /// key = words
        block,       /// key words[0] {
        end,         /// }
    };
    Kind kind = Kind::assignment;
    Word key;
    std::vector<Word> words;
};

/// The statements of a file; a line that is none goes to `errors`, and what Piranha would have
/// refused to `remarks`.
std::vector<Statement> statements_of(std::string_view text, ProblemList& errors,
                                     ProblemList& remarks);

}  // namespace shoal::config::lvs_cf
