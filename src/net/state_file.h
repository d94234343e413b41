#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace shoal::net {

/// A small JSON object that outlives the process: what was changed in the kernel and how it was
/// before. It belongs under /run, since the kernel forgets at the same time. One process writes it.
class StateFile {
  public:
    explicit StateFile(std::filesystem::path path);

    /// Empty where the file is missing or damaged: what it said is lost, and nothing is worth
    /// refusing to start for.
    nlohmann::json load() const;
    /// Replaces the file at once (a reader sees the old or the new one, also after a power cut) and
    /// creates its folder. An empty object removes it.
    Result<void> store(const nlohmann::json& state) const;

  private:
    std::filesystem::path path_;
};

}  // namespace shoal::net
