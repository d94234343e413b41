#include "config/keepalived/remarks.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/text.h"

namespace shoal::config::keepalived {

void Remarks::add(const Place& place, const std::string& message, std::string advice) {
    if (is_full()) {
        ++left_out_;
    } else {
        remarks_.push_back({{place, remarks_.size()}, problem(place, message, std::move(advice))});
    }
}

Problem Remarks::problem(const Place& place, const std::string& message, std::string advice) const {
    if (place.file == 0) return {place.line, place.column, message, std::move(advice)};
    return {place.line, place.column,
            fmt::format("{}, line {}: {}", model::in_quotes(files_[place.file - 1]),
                        place.line_there, message),
            std::move(advice)};
}

std::vector<Problem> Remarks::take() {
    std::ranges::sort(remarks_, {}, &Remark::order);
    std::vector<Problem> problems;
    for (auto& [order, problem] : std::exchange(remarks_, {})) {
        if (problems.empty() || problems.back() != problem) problems.push_back(std::move(problem));
    }
    if (const auto more = std::exchange(left_out_, 0); more > 0)
        problems.push_back(more_problems(more));
    return problems;
}

}  // namespace shoal::config::keepalived
