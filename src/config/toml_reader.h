#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"
#include "model/configuration.h"

namespace shoal::config {

struct ReadOptions {
    /// The network devices of this machine; unset: existence of devices is not checked.
    std::optional<std::vector<std::string>> devices;
    /// The memory of this machine, in bytes; unset: whether the table fits is not checked.
    std::optional<std::uint64_t> memory{};
};

/// Longer files are refused, in bytes.
inline constexpr std::size_t max_file_size = 16UZ << 20;

/// Reads shoal.toml. Either the whole, validated configuration, or the first syntax error, or all
/// errors of meaning in the order of the file. No input makes it throw or crash.
std::expected<model::Configuration, std::vector<Problem>> read_toml(std::string_view text,
                                                                    const ReadOptions& options);

}  // namespace shoal::config
