#include "config/problem_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "model/text.h"

namespace shoal::config {

namespace {

/// How many bytes must be replaced, added, removed or exchanged with their neighbour to make one
/// word of the other (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> steps(a.size() + 1,
                                                std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i)
        steps[i][0] = i;
    std::iota(steps[0].begin(), steps[0].end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t differ = a[i - 1] == b[j - 1] ? 0 : 1;
            steps[i][j] =
                std::min({steps[i - 1][j - 1] + differ, steps[i - 1][j] + 1, steps[i][j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                steps[i][j] = std::min(steps[i][j], steps[i - 2][j - 2] + 1);
            }
        }
    }
    return steps[a.size()][b.size()];
}

}  // namespace

Problem more_problems(std::size_t count) {
    return {0, 0, fmt::format("{} more are not shown", count), ""};
}

void ProblemList::add(Position position, std::string message, std::string advice) {
    if (problems_.size() >= max_problems) {
        ++left_out_;
        return;
    }
    problems_.emplace(
        position, Problem{position.line, position.column, std::move(message), std::move(advice)});
}

std::vector<Problem> ProblemList::take() {
    std::vector<Problem> taken;
    for (auto& [position, problem] : std::exchange(problems_, {}))
        taken.push_back(std::move(problem));
    if (const auto more = std::exchange(left_out_, 0); more > 0)
        taken.push_back(more_problems(more));
    return taken;
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
    std::string_view best;
    if (word.empty() || word.size() > 40) return best;
    std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const auto candidate : known) {
        const auto apart = distance(word, candidate);
        if (apart < least && apart < candidate.size()) {
            least = apart;
            best = candidate;
        }
    }
    return best;
}

std::string advise(std::string_view word, std::span<const std::string_view> known) {
    const auto meant = nearest(word, known);
    if (!meant.empty()) return fmt::format("did you mean \"{}\"?", meant);
    if (known.empty()) return "";
    return fmt::format("known: {}", fmt::join(known, ", "));
}

std::string Scope::text() const {
    std::string text(what);
    const auto* name = table == nullptr ? nullptr : table->find("name");
    const auto* written = name == nullptr ? nullptr : std::get_if<std::string>(&name->node.value);
    if (number != 0) {
        text += ' ' + (written != nullptr ? model::in_quotes(*written) : std::to_string(number));
    }
    // The file and [global] are understood.
    const bool named = outer != nullptr && outer->number != 0;
    return named ? fmt::format("{} of {}", text, outer->text()) : text;
}

}  // namespace shoal::config
