#include "config/text_difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>
#include <vector>

namespace shoal::config {

namespace {

using Lines = std::vector<std::string_view>;

constexpr std::size_t context = 3;
/// Insertions and deletions that are looked for; the memory for it grows with the square.
constexpr int most_changes = 2000;

/// With their line ends.
Lines lines_of(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto length = end == std::string_view::npos ? text.size() : end + 1;
        lines.push_back(text.substr(0, length));
        text.remove_prefix(length);
    }
    return lines;
}

/// One line of the difference: ' ' in both, '-' only in the former, '+' only in the latter.
struct Step {
    char kind;
    std::string_view line;
};

/// The shortest way from one text to the other (E. Myers, "An O(ND) Difference Algorithm and Its
/// Variations", 1986): for each number of changes and each diagonal the furthest point reached.
class ShortestWay {
  public:
    ShortestWay(std::span<const std::string_view> from, std::span<const std::string_view> to)
        : from_(from), to_(to) {}

    std::vector<Step> steps() {
        for (int changes = 0; changes <= most_changes; ++changes) {
            reached_.emplace_back(static_cast<std::size_t>(2 * changes + 1), 0);
            for (int diagonal = -changes; diagonal <= changes; diagonal += 2) {
                const int x = go_on(changes, diagonal);
                at(changes, diagonal) = x;
                if (x >= length(from_) && x - diagonal >= length(to_)) return back(changes);
            }
        }
        return replaced();
    }

  private:
    static int length(std::span<const std::string_view> lines) {
        return static_cast<int>(lines.size());
    }
    int& at(int changes, int diagonal) {
        return reached_[static_cast<std::size_t>(changes)]
                       [static_cast<std::size_t>(diagonal + changes)];
    }
    /// Whether the way to `diagonal` comes from the one above: by a line of `to`.
    bool comes_down(int changes, int diagonal) {
        if (diagonal == -changes) return true;
        if (diagonal == changes) return false;
        return at(changes - 1, diagonal - 1) < at(changes - 1, diagonal + 1);
    }
    int begin_of(int changes, int diagonal) {
        if (changes == 0) return 0;
        return comes_down(changes, diagonal) ? at(changes - 1, diagonal + 1)
                                             : at(changes - 1, diagonal - 1) + 1;
    }
    int go_on(int changes, int diagonal) {
        int x = begin_of(changes, diagonal);
        int y = x - diagonal;
        while (x < length(from_) && y < length(to_) && line(from_, x) == line(to_, y)) {
            ++x;
            ++y;
        }
        return x;
    }
    static std::string_view line(std::span<const std::string_view> lines, int index) {
        return lines[static_cast<std::size_t>(index)];
    }

    std::vector<Step> back(int changes) {
        std::vector<Step> steps;
        int x = length(from_);
        int y = length(to_);
        for (; changes >= 0; --changes) {
            const int diagonal = x - y;
            for (const int begin = begin_of(changes, diagonal); x > begin; --x, --y)
                steps.push_back({' ', line(from_, x - 1)});
            if (changes == 0) break;
            if (comes_down(changes, diagonal))
                steps.push_back({'+', line(to_, --y)});
            else
                steps.push_back({'-', line(from_, --x)});
        }
        std::ranges::reverse(steps);
        return steps;
    }
    std::vector<Step> replaced() const {
        std::vector<Step> steps;
        for (const auto line : from_)
            steps.push_back({'-', line});
        for (const auto line : to_)
            steps.push_back({'+', line});
        return steps;
    }

    std::span<const std::string_view> from_;
    std::span<const std::string_view> to_;
    std::vector<std::vector<int>> reached_;
};

std::vector<Step> steps_between(const Lines& from, const Lines& to) {
    const auto [first, other] = std::ranges::mismatch(from, to);
    const auto same = static_cast<std::size_t>(first - from.begin());
    std::size_t tail = 0;
    while (tail < std::min(from.size(), to.size()) - same &&
           from[from.size() - 1 - tail] == to[to.size() - 1 - tail])
        ++tail;
    std::vector<Step> steps;
    for (std::size_t i = 0; i < same; ++i)
        steps.push_back({' ', from[i]});
    const auto middle = [&](const Lines& lines) {
        return std::span(lines).subspan(same, lines.size() - same - tail);
    };
    std::ranges::copy(ShortestWay(middle(from), middle(to)).steps(), std::back_inserter(steps));
    for (auto i = from.size() - tail; i < from.size(); ++i)
        steps.push_back({' ', from[i]});
    return steps;
}

bool changes(const Step& step) {
    return step.kind != ' ';
}

/// "17,6", counted from 1; an empty range names the line before it.
std::string range(std::size_t before, std::size_t count) {
    if (count == 1) return std::to_string(before + 1);
    return fmt::format("{},{}", count == 0 ? before : before + 1, count);
}

std::string hunk(std::span<const Step> steps, std::size_t from_before, std::size_t to_before) {
    const auto count = [&](char other) {
        return static_cast<std::size_t>(
            std::ranges::count_if(steps, [=](const Step& step) { return step.kind != other; }));
    };
    auto text = fmt::format("@@ -{} +{} @@\n", range(from_before, count('+')),
                            range(to_before, count('-')));
    for (const auto& step : steps) {
        text += step.kind;
        text += step.line;
        if (!step.line.ends_with('\n')) text += "\n\\ No newline at end of file\n";
    }
    return text;
}

/// Where the hunk ends that begins with the change at `at`: after the context behind its last
/// change.
std::size_t end_of_hunk(const std::vector<Step>& steps, std::size_t at) {
    std::size_t end = at;
    for (auto i = at; i < steps.size() && i <= end + 2 * context + 1; ++i)
        if (changes(steps[i])) end = i;
    return std::min(steps.size(), end + context + 1);
}

}  // namespace

std::string unified_difference(std::string_view from, std::string_view to,
                               std::string_view from_name, std::string_view to_name) {
    if (from == to) return "";
    const auto former = lines_of(from);
    const auto latter = lines_of(to);
    const auto steps = steps_between(former, latter);
    auto text = fmt::format("--- {}\n+++ {}\n", from_name, to_name);
    std::size_t from_line = 0;
    std::size_t to_line = 0;
    for (std::size_t i = 0; i < steps.size();) {
        // The next change, less its context.
        std::size_t change = i;
        while (change < steps.size() && !changes(steps[change]))
            ++change;
        if (change == steps.size()) break;
        const auto begin = change - std::min(change - i, context);
        from_line += begin - i;
        to_line += begin - i;
        const auto end = end_of_hunk(steps, change);
        text += hunk(std::span(steps).subspan(begin, end - begin), from_line, to_line);
        for (i = begin; i < end; ++i) {
            from_line += steps[i].kind != '+';
            to_line += steps[i].kind != '-';
        }
    }
    return text;
}

}  // namespace shoal::config
