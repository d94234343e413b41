// Any bytes give a configuration that is valid as shoal.toml, or problems that can be shown. What
// stands behind a line "==" is what every included file says; no file is opened.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/keepalived/import.h"
#include "config/toml_reader.h"
#include "config/toml_writer.h"

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

class OneFile : public shoal::config::keepalived::Sources {
  public:
    explicit OneFile(std::string_view text) : text_(text) {}

    shoal::Result<std::vector<shoal::config::keepalived::SourceFile>> find(
        const std::string& directory, const std::string& pattern) override {
        if (pattern.empty()) return shoal::fail("no name");
        return std::vector{
            shoal::config::keepalived::SourceFile{directory + "/included", std::string(text_)}};
    }

  private:
    std::string_view text_;
};

void check_places(const std::vector<shoal::config::Problem>& problems, std::string_view text) {
    const auto lines = 1 + std::ranges::count(text, '\n');
    for (const auto& problem : problems)
        require(problem.line >= 0 && problem.line <= lines);
    shoal::config::render(problems, "keepalived.conf", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    constexpr std::string_view separator = "\n==\n";
    const auto end = all.find(separator);
    const auto text = all.substr(0, end);
    OneFile included(end == std::string_view::npos ? "" : all.substr(end + separator.size()));
    const auto imported = shoal::config::keepalived::import_keepalived(
        text, {.host = text.size() % 2 == 0 ? std::optional<std::string>("main") : std::nullopt},
        included);
    if (!imported) {
        require(!imported.error().empty());
        check_places(imported.error(), text);
        return 0;
    }
    check_places(imported->remarks, text);
    const auto again =
        shoal::config::read_toml(shoal::config::to_toml(imported->configuration), {});
    require(again && *again == imported->configuration);
    return 0;
}
