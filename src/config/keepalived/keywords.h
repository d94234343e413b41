#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/keepalived/tree.h"
#include "config/problem_list.h"
#include "model/text.h"

// What the keywords of a block mean, as a table.

namespace shoal::config::keepalived {

template <class Owner>
struct Keyword {
    std::string_view name;
    void (Owner::*read)(const Statement&) = nullptr;
    /// Where it is not read: why nothing here is like it.
    std::string_view reason = {};
};

/// Remarks on what is not known, or has no counterpart. `block`: "virtual_server".
template <class Owner>
void read_block(Owner& owner, const std::vector<Statement>& block,
                std::span<const Keyword<Owner>> keywords, std::string_view name, Remarks& remarks) {
    std::vector<std::string_view> names;
    for (const auto& statement : block) {
        const auto known = std::ranges::find(keywords, statement.keyword, &Keyword<Owner>::name);
        if (known == keywords.end()) {
            if (names.empty() && !remarks.is_full())
                std::ranges::transform(keywords, std::back_inserter(names), &Keyword<Owner>::name);
            const auto near =
                names.empty() ? std::string_view() : nearest(statement.keyword, names);
            remarks.add(statement.place,
                        fmt::format("unknown keyword {} in {}, left out",
                                    model::in_quotes(statement.keyword), name),
                        near.empty() ? "" : fmt::format("did you mean \"{}\"?", near));
        } else if (known->read == nullptr) {
            remarks.add(statement.place,
                        fmt::format("{} has no counterpart, left out", known->name),
                        std::string(known->reason));
        } else {
            (owner.*known->read)(statement);
        }
    }
}

/// The first argument; empty, with a remark, where there is none.
inline std::string_view value_of(const Statement& statement, Remarks& remarks) {
    if (!statement.arguments.empty()) return statement.arguments.front();
    remarks.add(statement.place, fmt::format("{} without a value, left out", statement.keyword));
    return {};
}

/// What `read` makes of the first argument. Where it is none of `what` ("a number of seconds"),
/// unset with a remark; also a remark where more than `most` arguments follow, as keepalived reads
/// one keyword of a line.
template <class Read>
auto value_of(const Statement& statement, Remarks& remarks, std::string_view what, Read read,
              std::size_t most = 1) -> decltype(read(std::string_view())) {
    if (statement.arguments.empty()) {
        value_of(statement, remarks);
        return {};
    }
    if (statement.arguments.size() > most) {
        remarks.add(statement.place,
                    fmt::format("{}: {} and what follows in this line is left out",
                                statement.keyword, model::in_quotes(statement.arguments[most])));
    }
    auto value = read(std::string_view(statement.arguments.front()));
    if (!value) {
        remarks.add(statement.place,
                    fmt::format("{}: {} is no {}, left out", statement.keyword,
                                model::in_quotes(statement.arguments.front()), what));
    }
    return value;
}

}  // namespace shoal::config::keepalived
