#include <gtest/gtest.h>
// GoogleTest first: Debian's rapidcheck needs it so.
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "config/text_lines.h"
#include "config/toml_reader.h"
#include "model/text.h"

namespace shoal::config {
namespace {

std::string good_file() {
    return read_file(SHOAL_SOURCE_DIR "/examples/full.toml").value();
}

/// What a slip of the hand, or of an editor, does to a text.
std::string mutate(std::string text) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const auto length = *rc::gen::inRange<std::size_t>(1, 40);
    switch (*rc::gen::inRange(0, 6)) {
        case 0:
            text[at] = *rc::gen::arbitrary<char>();
            return text;
        case 1:
            return text.erase(at, length);
        case 2:
            return text.insert(at,
                               text.substr(*rc::gen::inRange<std::size_t>(0, text.size()), length));
        case 3:
            return text.insert(
                at, *rc::gen::elementOf(std::vector<std::string>{
                        "\"", "'", "\"\"\"", "[", "]]", "{", "\n", "\r", "\\", ".", "=", "#", "é",
                        "\xff", std::string(1, '\0'), "-1", "9223372036854775808"}));
        case 4: {
            const auto from = text.rfind('\n', at);
            const auto begin = from == std::string::npos ? 0 : from + 1;
            const auto line = text.substr(begin, text.find('\n', begin) - begin + 1);
            return text.insert(begin, line);
        }
        default:
            return text.substr(0, at);
    }
}

bool lies_in(const Problem& problem, std::string_view text) {
    const auto lines = 1 + std::ranges::count(text, '\n');
    const auto width = model::character_count(line_of(text, problem.line));
    return problem.line >= 1 && problem.line <= lines && problem.column >= 1 &&
           static_cast<std::size_t>(problem.column) <= width + 1;
}

void check(const std::string& text) {
    const auto result = read_toml(text, {});
    if (result) return;
    RC_ASSERT(!result.error().empty());
    for (const auto& problem : result.error()) {
        RC_ASSERT(lies_in(problem, text));
        RC_ASSERT(!problem.message.empty());
    }
    RC_ASSERT(!render(result.error(), "shoal.toml", text).empty());
}

RC_GTEST_PROP(TomlMutation, gives_a_configuration_or_problems_inside_the_text, ()) {
    const auto good = good_file();
    for (int file = 0; file < 20; ++file) {
        auto text = good;
        const auto mutations = *rc::gen::inRange(1, 6);
        for (int i = 0; i < mutations && !text.empty(); ++i)
            text = mutate(std::move(text));
        check(text);
    }
}

}  // namespace
}  // namespace shoal::config
