#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/toml_reader.h"

// For the tests of validation: short files and the problems that are in them.

namespace shoal::config {

/// A table of a virtual server: `lines` follow name, address and device, which are lines 2 to 4 of
/// a file that begins with it.
inline std::string service(std::string_view name, std::string_view address,
                           std::string_view lines) {
    return fmt::format(
        "[[virtual_server]]\nname = \"{}\"\naddress = \"{}\"\ndevice = \"wan0:1\"\n{}", name,
        address, lines);
}

/// Four lines.
inline std::string mark(int value, std::string_view address, std::string_view ports) {
    return fmt::format("[[mark]]\nvalue = {}\naddress = \"{}\"\nports = {}\n", value, address,
                       ports);
}

struct BadFile {
    std::string text;
    /// Empty: the file is good.
    std::vector<Problem> problems;
};

inline void expect_problems(const std::vector<BadFile>& files, const ReadOptions& options = {}) {
    for (const auto& [text, problems] : files) {
        const auto read = read_toml(text, options);
        const auto found = read ? std::vector<Problem>() : read.error();
        EXPECT_TRUE(found == problems) << "found:\n"
                                       << render(found, "file", text) << "expected:\n"
                                       << render(problems, "file", text);
    }
}

}  // namespace shoal::config
