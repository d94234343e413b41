#include "config/keepalived/expansion.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <ranges>

#include "config/keepalived/definitions.h"
#include "config/keepalived/repetitions.h"
#include "config/text_lines.h"
#include "model/text.h"

namespace shoal::config::keepalived {

namespace {

using model::in_quotes;

constexpr std::array<std::string_view, 6> include_keywords{"include",  "includer", "includem",
                                                           "includew", "includeb", "includea"};

class Expander {
  public:
    Expander(const ExpansionOptions& options, Sources& sources, Remarks& remarks)
        : options_(options), sources_(sources), remarks_(remarks) {
        directories_.push_back(options.directory);
        if (options.host) definitions_.set("_INSTANCE", {*options.host});
    }

    std::expected<std::vector<Line>, Problem> run(std::string_view text) {
        Place place{.line = 1};
        push_file(text, {}, 0);
        while (!is_too_large()) {
            if (pending_.empty()) return std::move(lines_);
            auto line = std::move(pending_.front());
            pending_.pop_front();
            place = line.place;
            process(std::move(line));
        }
        return std::unexpected(remarks_.problem(
            place, "the file becomes too large here by its definitions and includes",
            fmt::format("at most {} MiB and {} lines", max_expanded_bytes >> 20,
                        max_expanded_lines)));
    }

  private:
    struct Pending {
        std::string text;
        Place place;
        int include_depth = 0;
        int definition_depth = 0;
        /// As it stands in a file: a # begins a comment.
        bool raw = false;
    };

    bool is_too_large() const {
        return too_large_ || bytes_ > max_expanded_bytes ||
               lines_.size() + pending_.size() > max_expanded_lines;
    }

    Room room() const {
        const auto lines = lines_.size() + pending_.size();
        return {max_expanded_lines - std::min(max_expanded_lines, lines),
                max_expanded_bytes - std::min(max_expanded_bytes, bytes_)};
    }

    /// `place`: of the include; a line of 0: the file itself.
    void push_file(std::string_view text, Place place, int depth) {
        text = without_byte_order_mark(text);
        std::vector<Pending> lines;
        for (int number = 1; !text.empty(); ++number) {
            const auto end = text.find('\n');
            const auto line = text.substr(0, end);
            text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
            if (place.file == 0) {
                place.line = number;
                const auto first = std::ranges::find_if_not(line, is_blank);
                place.column = 1 + static_cast<int>(first - line.begin());
            } else {
                place.line_there = number;
            }
            if (lines.size() == room().lines) {
                too_large_ = true;
                return;
            }
            lines.push_back({std::string(line), place, depth, 0, true});
            bytes_ += line.size() + 1;
        }
        pending_.insert(pending_.begin(), std::make_move_iterator(lines.begin()),
                        std::make_move_iterator(lines.end()));
    }

    void process(Pending line) {
        if (line.raw) {
            if (is_of_a_template(line)) return;
            line.text = without_comment(line.text);
            line.raw = false;
        }
        const std::string_view text = line.text = std::string(trimmed(line.text));
        if (text.empty()) return;
        if (text.starts_with('@')) return conditional(std::move(line));
        if (auto definition = read_definition(text)) return define(line, std::move(*definition));
        if (text.starts_with('~')) return repeat(line);
        if (substitute(line)) return;
        if (include(line)) return;
        lines_.push_back({words_of(text), line.place});
    }

    /// Jinja and ERB, which were not run.
    bool is_of_a_template(const Pending& line) {
        const auto text = trimmed(line.text);
        const bool is = text.starts_with("{%") || text.starts_with("{#") || text.starts_with("<%");
        if (is) {
            remarks_.add(line.place, fmt::format("{} is a line of a template", in_quotes(text)),
                         "import the file that the template gives");
        }
        return is;
    }

    void conditional(Pending line) {
        const std::string_view text = line.text;
        const bool negative = text.starts_with("@^");
        const auto end = std::ranges::find_if(text, is_blank);
        const std::string_view word(text.begin() + (negative ? 2 : 1), end);
        if (!options_.host) {
            remarks_.add(line.place,
                         fmt::format("this line is for {} {} alone, and is left out",
                                     negative ? "hosts other than" : "the host", in_quotes(word)),
                         "name a host: --host NAME");
            return;
        }
        if ((word == *options_.host) == negative) return;
        line.text = std::string(end, text.end());
        // Of many conditions in one line each leaves the rest of it.
        bytes_ += line.text.size();
        pending_.push_front(std::move(line));
    }

    void define(const Pending& line, Definition definition) {
        if (definition.blank_before) {
            remarks_.add(line.place,
                         fmt::format("keepalived takes ${} for no definition because of the blank "
                                     "before =; it is one here",
                                     definition.name));
        }
        std::vector<std::string> lines;
        std::string text = std::move(definition.value);
        while (text.ends_with('\\')) {
            text.pop_back();
            lines.push_back(std::exchange(text, ""));
            if (pending_.empty()) break;
            auto& next = pending_.front();
            text = next.raw ? without_comment(next.text) : std::string(trimmed(next.text));
            pending_.pop_front();
        }
        lines.push_back(std::move(text));
        if (lines.size() > 1 && trimmed(lines.front()).empty()) lines.erase(lines.begin());
        definitions_.set(std::move(definition.name), std::move(lines));
    }

    void repeat(const Pending& line) {
        auto repetition = read_repetition(line.text, {max_expanded_lines, room().bytes});
        if (!repetition) {
            remarks_.add(
                line.place,
                fmt::format("{} is no ~SEQ or ~LST, or a very long one", in_quotes(line.text)),
                "for instance ~SEQ(NUMBER, 1, 4) ..., or ~LST(NAME, a, b) ...");
            return;
        }
        push_expanded(line, std::move(repetition->lines));
    }

    void push_expanded(const Pending& origin, std::vector<std::string> lines) {
        for (const auto& text : lines)
            bytes_ += text.size() + 1;
        too_large_ |= lines.size() > room().lines;
        if (is_too_large()) return;
        for (auto& text : lines | std::views::reverse) {
            pending_.push_front({std::move(text), origin.place, origin.include_depth,
                                 origin.definition_depth + 1, origin.raw});
        }
    }

    bool substitute(const Pending& line) {
        auto outcome = definitions_.substitute(line.text, directories_[line.place.file], room());
        if (outcome.random) {
            remarks_.add(line.place, "the random number of this line is taken to be its least one");
        }
        too_large_ |= outcome.too_large;
        if (!outcome.changed && !outcome.too_large) return false;
        if (line.definition_depth >= max_definition_depth) {
            remarks_.add(line.place, "the definitions of this line go round in a circle",
                         "it is left out");
            return true;
        }
        push_expanded(line, std::move(outcome.lines));
        return true;
    }

    bool include(const Pending& line) {
        const std::string_view text = line.text;
        const std::string_view word(text.begin(), std::ranges::find_if(text, is_blank));
        if (std::ranges::find(include_keywords, word) == include_keywords.end()) return false;
        auto pattern = trimmed(text.substr(word.size()));
        if (pattern.size() >= 2 && pattern.front() == pattern.back() &&
            (pattern.front() == '"' || pattern.front() == '\''))
            pattern = pattern.substr(1, pattern.size() - 2);
        include_files(line, std::string(pattern));
        return true;
    }

    void include_files(const Pending& line, const std::string& pattern) {
        if (line.include_depth >= max_include_depth) {
            remarks_.add(line.place,
                         fmt::format("{} is not read: files include files, {} deep",
                                     in_quotes(pattern), line.include_depth),
                         fmt::format("at most {}", max_include_depth));
            return;
        }
        auto files = sources_.find(directories_[line.place.file], pattern);
        if (!files) {
            remarks_.add(line.place, fmt::format("{} cannot be read: {}", in_quotes(pattern),
                                                 files.error().message));
            return;
        }
        if (files->empty())
            remarks_.add(line.place, fmt::format("there is no file {}", in_quotes(pattern)));
        if (directories_.size() + files->size() > max_included_files) {
            remarks_.add(line.place,
                         fmt::format("{} is not read: too many files", in_quotes(pattern)),
                         fmt::format("at most {}", max_included_files));
            return;
        }
        const auto first = directories_.size();
        for (const auto& file : *files) {
            remarks_.add_file(file.path);
            directories_.push_back(directory_of(file.path));
        }
        for (auto i = files->size(); i > 0; --i) {
            auto place = line.place;
            place.file = first + i - 1;
            push_file((*files)[i - 1].text, place, line.include_depth + 1);
        }
    }

    const ExpansionOptions& options_;
    Sources& sources_;
    Remarks& remarks_;
    Definitions definitions_;
    /// By Place::file.
    std::vector<std::string> directories_;
    std::deque<Pending> pending_;
    std::vector<Line> lines_;
    /// Of all that was ever pending. What waits counts too: each of many expansions within one
    /// another may leave much behind.
    std::size_t bytes_ = 0;
    /// What came of a line, or a file, is not stored.
    bool too_large_ = false;
};

}  // namespace

std::expected<std::vector<Line>, Problem> expand(std::string_view text,
                                                 const ExpansionOptions& options, Sources& sources,
                                                 Remarks& remarks) {
    return Expander(options, sources, remarks).run(text);
}

}  // namespace shoal::config::keepalived
