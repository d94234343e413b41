#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/keepalived/import.h"
#include "config/toml_reader.h"
#include "config/toml_writer.h"

// What the tests of this folder share.

namespace shoal::config::keepalived {

/// Files by their paths; a pattern is a path, or all files of a directory: "conf.d/*".
class TextSources : public Sources {
  public:
    std::map<std::string, std::string> files;

    Result<std::vector<SourceFile>> find(const std::string& directory,
                                         const std::string& pattern) override {
        const auto path = pattern.starts_with('/') ? pattern : directory + "/" + pattern;
        std::vector<SourceFile> found;
        for (const auto& [name, text] : files) {
            const bool matches =
                path.ends_with("/*") ? directory_of(name) + "/*" == path : name == path;
            if (matches) found.push_back({name, text});
        }
        return found;
    }
};

inline Imported try_import(std::string_view text, std::optional<std::string> host = {},
                           TextSources sources = {}) {
    return import_keepalived(text, {.host = std::move(host), .directory = "/etc/keepalived"},
                             sources);
}

/// What came of a text that is no error. It is valid as shoal.toml.
inline Import import(std::string_view text, std::optional<std::string> host = {},
                     TextSources sources = {}) {
    auto result = try_import(text, std::move(host), std::move(sources));
    EXPECT_TRUE(result) << (result ? "" : result.error().front().message);
    if (!result) return {};
    const auto again = read_toml(to_toml(result->configuration), {});
    EXPECT_TRUE(again) << (again ? "" : again.error().front().message);
    if (again) EXPECT_EQ(*again, result->configuration) << to_toml(result->configuration);
    return std::move(*result);
}

/// "LINE: MESSAGE" of each remark.
inline std::vector<std::string> remarks_of(const Import& imported) {
    std::vector<std::string> texts;
    for (const auto& remark : imported.remarks)
        texts.push_back(std::to_string(remark.line) + ": " + remark.message);
    return texts;
}

}  // namespace shoal::config::keepalived
