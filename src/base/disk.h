#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace shoal {

/// The steps that change files. What must survive a power cut is written against this interface, so
/// that tests can make each step fail, or be the last.
class Disk {
  public:
    virtual ~Disk() = default;

    /// The whole file; one longer than `longest` bytes is an error.
    virtual Result<std::string> read(const std::string& path, std::size_t longest) = 0;
    /// The names in a directory, sorted; none where the directory is missing.
    virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
    virtual Result<void> make_directories(const std::string& directory) = 0;
    /// Creates or empties the file, writes, and waits until the content (not the name) is on disk.
    virtual Result<void> write(const std::string& path, std::string_view content, mode_t mode) = 0;
    /// As write(), behind what is there.
    virtual Result<void> append(const std::string& path, std::string_view content, mode_t mode) = 0;
    virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
    virtual Result<void> remove(const std::string& path) = 0;
    /// Waits until the names in the directory are on disk.
    virtual Result<void> sync_directory(const std::string& directory) = 0;
};

/// The machine's own.
Disk& local_disk();

/// Replaces the file as one step that survives a power cut: written beside it as PATH.new, synced,
/// renamed. On an error the former file is there, or (where the last sync failed) one of the two.
Result<void> replace_file(Disk& disk, const std::string& path, std::string_view content,
                          mode_t mode);

}  // namespace shoal
