#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace shoal {

/// The whole file; one longer than `longest` bytes is an error.
Result<std::string> read_file(const std::string& path, std::size_t longest = 64UL << 20);

/// Replaces the file as one step that survives a power cut: written beside it, synced, renamed.
/// Missing parent directories are made. Keeps the mode of a file that exists; a new one gets 0644.
Result<void> write_file(const std::string& path, std::string_view content);

}  // namespace shoal
