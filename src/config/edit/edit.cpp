#include "config/edit/edit.h"

#include <fmt/format.h>

#include "config/edit/changes.h"
#include "config/edit/written_text.h"
#include "config/model_reader.h"
#include "config/text_lines.h"
#include "config/toml_document.h"
#include "config/toml_reader.h"
#include "config/toml_writer.h"

namespace shoal::config {

namespace {

using edit::Defaults;

std::string sentence(std::string_view begin, const std::vector<Problem>& problems) {
    const auto& first = problems.front();
    return first.line == 0 ? fmt::format("{}: {}", begin, first.message)
                           : fmt::format("{}: line {}: {}", begin, first.line, first.message);
}

std::expected<std::string, std::string> change_once(std::string_view text,
                                                    const model::Configuration& present,
                                                    const model::Configuration& intended,
                                                    Defaults defaults) {
    auto written = edit::take_apart(text);
    if (!written)
        return std::unexpected(
            fmt::format("line {} is written in a way that cannot be edited", written.error()));
    auto present_text = edit::take_apart(to_toml(present)).value();
    auto intended_text = edit::take_apart(to_toml(intended)).value();
    const auto changed = edit::change(*written, present_text, intended_text, defaults);
    if (!changed) return std::unexpected(changed.error());
    return edit::put_together(*written);
}

/// What a text means although it may contradict itself; unset: it is not TOML.
std::optional<model::Configuration> meaning_of(std::string_view text) {
    auto document = parse_toml(without_byte_order_mark(text));
    if (!document) return std::nullopt;
    ProblemList problems;
    return read_model(*document, problems);
}

}  // namespace

std::expected<std::string, std::string> edit_toml(std::string_view text,
                                                  const model::Configuration& intended) {
    auto present = read_toml(text, {});
    if (!present)
        return std::unexpected(sentence("the present file has a problem", present.error()));
    if (*present == intended) return std::string(text);

    // Defaults that depend on other settings show only in the changed text: once more then.
    constexpr int most_rounds = 4;
    std::string changed(text);
    auto defaults = Defaults::write;
    for (int round = 0; round < most_rounds; ++round, defaults = Defaults::remove) {
        auto next = change_once(changed, *present, intended, defaults);
        if (!next) return next;
        changed = std::move(*next);
        const auto read = read_toml(changed, {});
        if (read && *read == intended) return changed;
        const auto meaning = meaning_of(changed);
        if (!meaning) break;
        if (*meaning == intended)
            return std::unexpected(sentence("it would not be valid", read.error()));
        present = *meaning;
    }
    return std::unexpected(
        "the file is written in a way in which this cannot be changed; "
        "change it by hand");
}

}  // namespace shoal::config
