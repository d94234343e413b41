#include <gtest/gtest.h>
// GoogleTest first: Debian's rapidcheck needs it so.
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>

#include "config/any_configuration.h"
#include "config/edit/edit.h"
#include "config/toml_reader.h"
#include "config/toml_writer.h"

// Any good file can be made any other, and what it is not about stays.

namespace shoal::config {
namespace {

using model::Configuration;

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto length = std::min(text.find('\n'), text.size() - 1) + 1;
        lines.emplace_back(text.substr(0, length));
        text.remove_prefix(length);
    }
    return lines;
}

/// With comments, blank lines and indentation as people write them.
std::string decorated(const std::string& text) {
    std::string result;
    int number = 0;
    for (auto line : lines_of(text)) {
        const auto dice = *rc::gen::inRange(0, 12);
        if (dice == 0) result += "\n";
        if (dice == 1) result += "# comment " + std::to_string(number++) + "\n";
        if (dice == 2) result += "\t";
        if (dice == 3 && line.size() > 1)
            line.insert(line.size() - 1, " # behind " + std::to_string(number++));
        result += line;
    }
    return result;
}

Configuration read(const std::string& text) {
    auto configuration = read_toml(text, {});
    if (!configuration) RC_FAIL(render(configuration.error(), "file", text));
    return *configuration;
}

std::string edited(const std::string& text, const Configuration& intended) {
    auto result = edit_toml(text, intended);
    if (!result) RC_FAIL(result.error() + "\n" + text + "\n--- to:\n" + to_toml(intended));
    RC_ASSERT(read(*result) == intended);
    return *result;
}

RC_GTEST_PROP(AnyEdit, of_nothing_leaves_every_byte, ()) {
    const auto text = decorated(to_toml(any_configuration()));
    RC_ASSERT(edited(text, read(text)) == text);
}

RC_GTEST_PROP(AnyEdit, makes_any_file_any_other, ()) {
    const auto text = decorated(to_toml(any_configuration()));
    edited(text, any_configuration());
}

RC_GTEST_PROP(AnyEdit, back_and_forth_gives_the_first_meaning, ()) {
    const auto text = decorated(to_toml(any_configuration()));
    const auto first = read(text);
    edited(edited(text, any_configuration()), first);
}

/// Changes one setting of one virtual server or real server, so that it stays valid.
bool change_one(Configuration& configuration) {
    auto& services = configuration.virtual_servers;
    if (services.empty()) return false;
    auto& service = *rc::gen::arbitrary<bool>() ? services.front() : services.back();
    switch (*rc::gen::inRange(0, 4)) {
        case 0:
            service.quorum = service.quorum % 4000 + 1;
            return true;
        case 1:
            service.quiesce_server = !service.quiesce_server;
            return true;
        case 2:
            service.reentry_time +=
                model::milliseconds(service.reentry_time.count() > 1000 ? -1 : 1);
            return true;
        default:
            if (service.real_servers.empty()) return false;
            auto& server = service.real_servers.back();
            server.weight = server.weight == 7 ? 8 : 7;
            return true;
    }
}

RC_GTEST_PROP(AnyEdit, of_one_setting_touches_one_line, ()) {
    const auto text = decorated(to_toml(any_configuration()));
    auto intended = read(text);
    RC_PRE(change_one(intended));
    const auto before = lines_of(text);
    const auto after = lines_of(edited(text, intended));
    const auto [first, changed] = std::ranges::mismatch(before, after);
    const auto behind = after.size() - before.size();
    RC_ASSERT(behind == 0U || behind == 1U);
    // Replaced, or put in.
    RC_ASSERT(std::equal(behind == 0 ? std::next(first) : first, before.end(), std::next(changed),
                         after.end()));
}

RC_GTEST_PROP(AnyEdit, of_the_order_moves_every_line_and_changes_none, ()) {
    const auto text = decorated(to_toml(any_configuration()));
    auto intended = read(text);
    std::ranges::reverse(intended.virtual_servers);
    for (auto& service : intended.virtual_servers)
        std::ranges::reverse(service.real_servers);
    auto before = lines_of(text);
    auto after = lines_of(edited(text, intended));
    // How many blank lines stand between tables may differ.
    for (auto* lines : {&before, &after}) {
        std::erase_if(*lines,
                      [](const std::string& line) { return line == "\n" || line == "\t\n"; });
        std::ranges::sort(*lines);
    }
    RC_ASSERT(before == after);
}

}  // namespace
}  // namespace shoal::config
