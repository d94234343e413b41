#pragma once

#include "config/document.h"
#include "config/problem_list.h"
#include "model/configuration.h"

namespace shoal::config {

/// The configuration that `document` describes, by the tables of model/settings.h. What is wrong
/// with a single setting goes to `problems`, and the setting is marked as refused in `document`.
/// Each table of a list has its place in the configuration's list, also where it is full of
/// problems.
model::Configuration read_model(Table& document, ProblemList& problems);

}  // namespace shoal::config
