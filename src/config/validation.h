#pragma once

#include "config/document.h"
#include "config/problem_list.h"
#include "config/toml_reader.h"
#include "model/configuration.h"

namespace shoal::config {

/// What no setting shows alone: duplicates, contradictions, devices that this machine lacks.
/// `document` is what `configuration` was read from; values that it marks as refused are left out.
void validate(const model::Configuration& configuration, const Table& document,
              const ReadOptions& options, ProblemList& problems);

}  // namespace shoal::config
