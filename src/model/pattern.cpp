#include "model/pattern.h"

#include <re2/re2.h>

#include <array>

namespace shoal::model {

namespace {

/// Of a compiled pattern and what matching keeps of it, in bytes.
constexpr std::int64_t most_memory = 1 << 20;

re2::StringPiece piece(std::string_view text) {
    return {text.data(), text.size()};
}

}  // namespace

Result<Pattern> Pattern::compile(std::string_view text, Characters characters) {
    re2::RE2::Options options(characters == Characters::utf8 ? re2::RE2::DefaultOptions
                                                             : re2::RE2::Latin1);
    options.set_log_errors(false);
    options.set_max_mem(most_memory);
    auto compiled = std::make_shared<const re2::RE2>(piece(text), options);
    if (!compiled->ok()) return std::unexpected(Error{compiled->error()});
    return Pattern(std::move(compiled));
}

std::optional<std::string_view> Pattern::find(std::string_view text) const {
    std::array<re2::StringPiece, 2> found;
    const int groups = compiled_->NumberOfCapturingGroups() == 0 ? 1 : 2;
    if (!compiled_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, found.data(), groups))
        return std::nullopt;
    const auto& part = found.at(static_cast<std::size_t>(groups - 1));
    return std::string_view(part.data(), part.size());
}

}  // namespace shoal::model
