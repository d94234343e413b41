#include "config/toml_reader.h"

#include <fmt/format.h>

#include "config/model_reader.h"
#include "config/text_lines.h"
#include "config/toml_document.h"
#include "config/validation.h"

namespace shoal::config {

namespace {

std::unexpected<std::vector<Problem>> only(Problem problem) {
    return std::unexpected(std::vector{std::move(problem)});
}

}  // namespace

std::expected<model::Configuration, std::vector<Problem>> read_toml(std::string_view text,
                                                                    const ReadOptions& options) {
    if (text.size() > max_file_size) {
        return only({0, 0, fmt::format("the file has {} bytes", text.size()),
                     fmt::format("at most {}", max_file_size)});
    }
    text = without_byte_order_mark(text);
    auto document = parse_toml(text);
    // An error at the end of the text may point behind it.
    if (!document) return only(inside(std::move(document.error()), text));
    ProblemList problems;
    auto configuration = read_model(*document, problems);
    validate(configuration, *document, options, problems);
    if (!problems.empty()) return std::unexpected(problems.take());
    return configuration;
}

}  // namespace shoal::config
