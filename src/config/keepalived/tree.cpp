#include "config/keepalived/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace shoal::config::keepalived {

namespace {

/// With a block they stand nowhere but at the top.
constexpr std::array<std::string_view, 7> top_keywords{
    "global_defs", "virtual_server",  "virtual_server_group", "vrrp_instance",
    "vrrp_script", "vrrp_sync_group", "bfd_instance",
};

class TreeReader {
  public:
    explicit TreeReader(Remarks& remarks) : remarks_(remarks) {}

    std::expected<std::vector<Statement>, Problem> run(const std::vector<Line>& lines) {
        for (const auto& line : lines) {
            read(line);
            if (open_.size() > max_block_depth) {
                return std::unexpected(remarks_.problem(
                    line.place, fmt::format("blocks stand within blocks, {} deep", open_.size()),
                    fmt::format("at most {}", max_block_depth)));
            }
        }
        close_all("at the end of the file");
        return std::move(top_);
    }

  private:
    void read(const Line& line) {
        if (begins_top_block(line.words)) close_all(fmt::format("in line {}", line.place.line));
        current_.reset();
        for (const auto& word : line.words) {
            switch (word.kind) {
                case WordKind::text:
                    add(word.text, line.place);
                    break;
                case WordKind::begin:
                    begin(line.place);
                    if (open_.size() > max_block_depth) return;
                    break;
                case WordKind::end:
                    end(line.place);
                    break;
            }
        }
        finish();
    }

    bool begins_top_block(const std::vector<Word>& words) const {
        return !open_.empty() && words.size() > 1 && words.front().kind == WordKind::text &&
               words.back().kind == WordKind::begin &&
               std::ranges::find(top_keywords, words.front().text) != top_keywords.end();
    }

    void add(const std::string& text, const Place& place) {
        if (current_) {
            current_->arguments.push_back(text);
        } else {
            current_ = Statement{text, {}, place, false, {}};
        }
    }

    void finish() {
        if (current_) list().push_back(std::move(*current_));
        current_.reset();
    }

    std::vector<Statement>& list() { return open_.empty() ? top_ : open_.back().block; }

    void begin(const Place& place) {
        if (!current_) {
            auto& statements = list();
            if (!statements.empty() && !statements.back().has_block) {
                current_ = std::move(statements.back());
                statements.pop_back();
            } else {
                remarks_.add(place, "a { begins a block of nothing", "its contents are left out");
                current_ = Statement{"", {}, place, false, {}};
            }
        }
        current_->has_block = true;
        open_.push_back(std::move(*current_));
        current_.reset();
    }

    void end(const Place& place) {
        finish();
        if (open_.empty()) {
            remarks_.add(place, "a } too many");
            return;
        }
        close();
    }

    void close() {
        auto block = std::move(open_.back());
        open_.pop_back();
        list().push_back(std::move(block));
    }

    void close_all(const std::string& where) {
        while (!open_.empty()) {
            remarks_.add(open_.back().place,
                         fmt::format("the block that begins here is not closed {}", where),
                         "write a } where it ends");
            close();
        }
    }

    Remarks& remarks_;
    std::vector<Statement> top_;
    /// Outer ones first.
    std::vector<Statement> open_;
    std::optional<Statement> current_;
};

}  // namespace

std::expected<std::vector<Statement>, Problem> read_tree(const std::vector<Line>& lines,
                                                         Remarks& remarks) {
    return TreeReader(remarks).run(lines);
}

}  // namespace shoal::config::keepalived
