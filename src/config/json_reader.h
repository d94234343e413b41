#pragma once

#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "config/problem.h"
#include "config/toml_reader.h"
#include "model/configuration.h"

namespace shoal::config {

/// The configuration that model::to_json() wrote, or that a client made by the same keys; checked
/// like a file. Problems have no position. Never throws.
std::expected<model::Configuration, std::vector<Problem>> read_json(const nlohmann::json& json,
                                                                    const ReadOptions& options);

}  // namespace shoal::config
