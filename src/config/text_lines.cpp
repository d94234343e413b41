#include "config/text_lines.h"

#include <algorithm>

#include "model/text.h"

namespace shoal::config {

std::string_view without_byte_order_mark(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    return text;
}

std::string_view line_of(std::string_view text, int number) {
    for (; number > 1; --number) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    auto line = text.substr(0, text.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

int Columns::of(std::size_t at) {
    column_ += static_cast<int>(model::character_count(line_.substr(counted_, at - counted_)));
    counted_ = at;
    return column_;
}

Problem inside(Problem problem, std::string_view text) {
    const auto lines = 1 + static_cast<int>(std::ranges::count(text, '\n'));
    problem.line = std::clamp(problem.line, 1, lines);
    const auto characters = model::character_count(line_of(text, problem.line));
    problem.column = std::clamp(problem.column, 1, static_cast<int>(characters) + 1);
    return problem;
}

}  // namespace shoal::config
