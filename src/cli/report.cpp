#include "cli/report.h"

#include <nlohmann/json.hpp>

#include "api/status_json.h"
#include "http/response.h"

namespace shoal::cli {

int report(const Console& console, const Options& options, const Failure& failure,
           const SourceText& source) {
    if (options.json) {
        print_json(console, api::to_json(api::ErrorBody{.message = failure.message,
                                                        .problems = failure.problems,
                                                        .failures = failure.failures}));
    } else {
        if (!failure.problems.empty())
            console.error << config::render(failure.problems, source.file, source.text);
        for (const auto& sentence : failure.failures)
            console.error << "  " << printable(sentence, console.terminal) << "\n";
        console.error << "shoal: " << printable(failure.message, console.terminal) << "\n";
    }
    return failure.exit_status;
}

void print_json(const Console& console, const nlohmann::json& json) {
    console.out << http::json_text(json) << "\n";
}

}  // namespace shoal::cli
