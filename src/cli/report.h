#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "cli/commands.h"
#include "cli/remote.h"

namespace shoal::cli {

/// What shoald was asked to read, to show its problems with.
struct SourceText {
    std::string_view file;
    std::string_view text;
};

/// Says what went wrong: on standard error for people, as {"detail": ...} on standard output with
/// --json. Returns the exit status.
int report(const Console& console, const Options& options, const Failure& failure,
           const SourceText& source = {});

void print_json(const Console& console, const nlohmann::json& json);

}  // namespace shoal::cli
