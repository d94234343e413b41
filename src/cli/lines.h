#pragma once

#include <string>
#include <string_view>

namespace shoal::cli {

/// Cuts what comes in pieces into lines.
class Lines {
  public:
    /// Calls `with_each` for each line that has come whole, without its line feed.
    template <class WithEach>
    void take(std::string_view piece, WithEach&& with_each) {
        rest_ += piece;
        std::size_t begin = 0;
        for (auto end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', begin)) {
            with_each(std::string_view(rest_).substr(begin, end - begin));
            begin = end + 1;
        }
        rest_.erase(0, begin);
    }

  private:
    std::string rest_;
};

}  // namespace shoal::cli
