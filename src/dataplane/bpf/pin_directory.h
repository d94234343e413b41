#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/bpf/descriptor.h"

namespace shoal::dataplane {

/// The directory on a BPF file system under which maps and programs outlive the process. Names are
/// paths below it and hold no dots (the kernel reserves them).
class PinDirectory {
  public:
    /// Makes the directory where it is missing; its parent must be on a BPF file system.
    static Result<PinDirectory> open(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }
    /// The pinned map or program, or an empty Descriptor where there is none of this name.
    Result<Descriptor> get(const std::string& name) const;
    Result<void> pin(const std::string& name, int fd) const;
    Result<void> make_directory(const std::string& name) const;
    /// Atomically; a pin of the new name is replaced.
    Result<void> rename(const std::string& from, const std::string& to) const;
    /// No error where there is none.
    Result<void> unpin(const std::string& name) const;
    /// Names in the directory itself.
    std::vector<std::string> names() const;
    /// With everything below it; no error where there is none.
    Result<void> remove_tree(const std::string& name) const;
    /// The directory, unless others use it: it holds other things, or is a mount point.
    Result<void> remove_if_unused() const;

  private:
    explicit PinDirectory(std::filesystem::path path) : path_(std::move(path)) {}

    std::filesystem::path path_;
};

}  // namespace shoal::dataplane
