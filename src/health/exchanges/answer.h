#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "model/pattern.h"

namespace shoal::health {

/// What came in a check. Neither an endless answer nor one in tiny pieces costs more than so much
/// memory and time.
class Answer {
  public:
    /// What is kept, in bytes.
    static constexpr std::size_t most = 65'536;

    /// What does not fit is left out.
    void add(std::string_view bytes) { text_ += bytes.substr(0, most - text_.size()); }
    void clear() { text_.clear(); }

    std::string_view text() const { return text_; }
    /// For messages.
    std::string_view beginning() const { return text().substr(0, most_heard_bytes); }
    bool is_full() const { return text_.size() == most; }

    /// As Pattern::find; nothing where `is_searched_out`.
    std::optional<std::string_view> find(const model::Pattern& pattern) {
        if (is_searched_out()) return std::nullopt;
        searched_ += text_.size();
        return pattern.find(text_);
    }
    /// The answer comes in so many pieces that looking at it after each one costs too much. In
    /// segments of 1 KiB, a full one is searched half this much.
    bool is_searched_out() const { return searched_ > 64 * most; }

  private:
    static constexpr std::size_t most_heard_bytes = 256;

    std::string text_;
    std::size_t searched_ = 0;
};

}  // namespace shoal::health
