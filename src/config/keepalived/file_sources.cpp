#include <fmt/format.h>
#include <glob.h>

#include <filesystem>
#include <memory>

#include "base/file.h"
#include "config/keepalived/sources.h"
#include "config/toml_reader.h"

namespace shoal::config::keepalived {

Result<std::vector<SourceFile>> FileSources::find(const std::string& directory,
                                                  const std::string& pattern) {
    const auto path = pattern.starts_with('/') ? pattern : directory + "/" + pattern;
    glob_t found{};
    const std::unique_ptr<glob_t, decltype(&globfree)> owner(&found, &globfree);
    const int status = glob(path.c_str(), GLOB_BRACE, nullptr, &found);
    if (status != 0 && status != GLOB_NOMATCH) return fail(fmt::format("cannot search {}", path));
    std::vector<SourceFile> files;
    std::size_t size = 0;
    for (std::size_t i = 0; i < found.gl_pathc; ++i) {
        const std::string name = found.gl_pathv[i];
        // A device or a pipe might never end.
        std::error_code error;
        if (!std::filesystem::is_regular_file(name, error)) continue;
        auto text = read_file(name, max_file_size - size);
        if (!text) return std::unexpected(text.error());
        size += text->size();
        files.push_back({name, std::move(*text)});
    }
    return files;
}

std::string directory_of(const std::string& path) {
    const auto directory = std::filesystem::path(path).parent_path().string();
    return directory.empty() ? "." : directory;
}

}  // namespace shoal::config::keepalived
