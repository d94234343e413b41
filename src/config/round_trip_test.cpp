#include <fmt/format.h>
#include <gtest/gtest.h>
// GoogleTest first: Debian's rapidcheck needs it so.
#include <rapidcheck/gtest.h>

#include <nlohmann/json.hpp>

#include "config/any_configuration.h"
#include "config/json_reader.h"
#include "config/notes.h"
#include "config/toml_reader.h"
#include "config/toml_writer.h"
#include "model/json.h"

// Any good configuration, written as JSON or as TOML, reads as the same.

namespace shoal::config {
namespace {

RC_GTEST_PROP(RoundTrip, of_json_gives_the_same_configuration, ()) {
    const auto configuration = any_configuration();
    const auto read = read_json(model::to_json(configuration), {});
    if (!read) RC_FAIL(render(read.error(), "json", ""));
    RC_ASSERT(*read == configuration);
}

RC_GTEST_PROP(RoundTrip, of_toml_gives_the_same_configuration, ()) {
    const auto configuration = any_configuration();
    const auto text = to_toml(configuration);
    const auto read = read_toml(text, {});
    if (!read) RC_FAIL(render(read.error(), "toml", text));
    RC_ASSERT(*read == configuration);
    for (const auto& note : notes_on(*read, text))
        RC_ASSERT(note.line >= 1 && !note.message.empty());
}

}  // namespace
}  // namespace shoal::config
