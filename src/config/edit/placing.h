#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/edit/tables.h"
#include "config/edit/written_text.h"

namespace shoal::config::edit {

/// Puts settings and tables into a text, and takes them out, so that what is new looks like what
/// stands around it. What is taken out is only marked until sweep(): its place stays good.
class Placing {
  public:
    explicit Placing(WrittenText& written);

    /// keys = value, behind the last setting of `table`.
    void add_setting(TableNode& table, std::vector<std::string> keys, std::string_view value);
    /// Its comments above stay.
    void remove_statement(StatementPlace place) { place.statement->is_removed = true; }

    /// As `model` has them, at home in this text.
    std::list<Section> copy_of(const TableNode& model) const;
    /// Behind `last`, or at the beginning of everything before `first`. Returns the last one put
    /// in.
    SectionPlace put_behind(SectionPlace last, std::list<Section> sections);
    SectionPlace put_before(SectionPlace first, std::list<Section> sections);
    /// Out of the text, to be put elsewhere.
    std::list<Section> take(const std::vector<SectionPlace>& places);
    /// With their comments directly above and below.
    void remove(const std::vector<SectionPlace>& places);

    void sweep();

    WrittenText& written() { return written_; }

  private:
    /// How the sections of one kind are laid out.
    struct Layout {
        std::string header_indent;
        std::string key_indent;
        bool stands_apart = false;
    };
    const Layout* layout_of(const std::vector<std::string>& keys) const;
    std::string gap_before(const Section& section) const;
    SectionPlace make_header(TableNode& table);
    void close_gap(SectionPlace first, SectionPlace next);
    static void sweep_statements(Section& section);

    WrittenText& written_;
    std::map<std::vector<std::string>, Layout> layouts_;
    std::size_t removals_ = 0;
};

}  // namespace shoal::config::edit
