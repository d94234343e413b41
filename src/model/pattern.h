#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace shoal::model {

/// A regular expression (RE2): matching takes time that is linear in the text, whoever wrote it.
class Pattern {
  public:
    /// What one character of the text is. As UTF-8, a byte that is none matches nothing.
    enum class Characters { utf8, bytes };

    /// The error is in RE2's words.
    static Result<Pattern> compile(std::string_view text, Characters characters = Characters::utf8);

    bool matches(std::string_view text) const { return find(text).has_value(); }
    /// Where it first matches: its first group, which may be empty, or the whole where it has none.
    std::optional<std::string_view> find(std::string_view text) const;

  private:
    explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}

    std::shared_ptr<const re2::RE2> compiled_;
};

}  // namespace shoal::model
