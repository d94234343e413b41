#include "config/ipvsadm/words.h"

#include <algorithm>

#include "config/text_lines.h"

namespace shoal::config::ipvsadm {

namespace {

constexpr std::string_view blanks = " \t\r";

Line line_of(std::string_view text, int number) {
    Line line{{number, 1}, {}};
    Columns columns(text);
    std::size_t at = 0;
    while ((at = text.find_first_not_of(blanks, at)) < text.size()) {
        const auto end = std::min(text.find_first_of(blanks, at), text.size());
        line.words.push_back({std::string(text.substr(at, end - at)), {number, columns.of(at)}});
        at = end;
    }
    return line;
}

}  // namespace

std::vector<Line> lines_of(std::string_view text) {
    std::vector<Line> lines;
    for (int number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        auto line = line_of(text.substr(0, end), number);
        if (!line.words.empty() && !line.words.front().text.starts_with('#'))
            lines.push_back(std::move(line));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

}  // namespace shoal::config::ipvsadm
