// shoal_reference write DIRECTORY   writes the reference pages
// shoal_reference check DIRECTORY   exit status 1 where one of them is not as it would be written
#include <abi.h>
#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "model/schema.h"

namespace {

namespace model = shoal::model;

struct Page {
    std::string_view file;
    std::string text;
};

std::string heading(std::string_view title, std::string_view source) {
    return fmt::format("# {}\n\n<!-- Made from {} by docs/reference.cpp: edit that file. -->\n\n",
                       title, source);
}

void line(std::string& page, std::string_view label, std::string_view text) {
    if (!text.empty()) page += fmt::format("- {}: {}\n", label, text);
}

std::string setting_text(const model::SettingView& setting) {
    const auto& [description, type, range, default_value] = setting;
    auto text =
        fmt::format("### `{}`: {}\n\n{}\n\n", description.key, description.title, description.help);
    line(text, "Value", type);
    line(text, "Range", range);
    line(text, "Default", description.required ? "none; it must be set" : default_value);
    if (!description.example.empty()) {
        line(text, "Example", fmt::format("`{} = {}`", description.key, description.example));
    }
    line(text, "When changed", description.effect);
    if (!description.legacy.empty())
        line(text, "In lvs.cf", fmt::format("`{}`", description.legacy));
    return text + '\n';
}

Page settings_page() {
    auto text = heading("Settings", "src/model/settings.h");
    text +=
        "Everything that `shoal.toml` can say. `shoal check FILE` names all mistakes of a file at\n"
        "once; `examples/full.toml` shows every setting in its place.\n\n";
    for (const auto& [section, settings] : model::describe_settings()) {
        text += fmt::format("## `{}`\n\n{}\n\n", section.heading, section.help);
        for (const auto& setting : settings)
            text += setting_text(setting);
    }
    text.pop_back();
    return {"settings.md", text};
}

Page messages_page() {
    auto text = heading("Messages of shoald", "src/base/messages.def");
    text += "Every line in the log begins with one of these words.\n\n";
    text += "| Message | Level | Meaning |\n|---|---|---|\n";
#define SHOAL_MESSAGE(id, level, explanation) \
    text += fmt::format("| `{}` | {} | {} |\n", #id, #level, explanation);
#include "base/messages.def"
#undef SHOAL_MESSAGE
    return {"messages.md", text};
}

Page verdicts_page() {
    auto text = heading("Verdicts of the packet path", "bpf/abi.h");
    text +=
        "What became of a packet. `shoal stats` counts them. A packet that is *passed* goes on to\n"
        "the director's own network stack as if Shoal were not there.\n\n";
    text += "| Verdict | Meaning |\n|---|---|\n";
#define SHOAL_VERDICT_ROW(name, meaning) text += fmt::format("| `{}` | {} |\n", #name, meaning);
    SHOAL_VERDICTS(SHOAL_VERDICT_ROW)
#undef SHOAL_VERDICT_ROW
    return {"verdicts.md", text};
}

bool write_page(const std::string& path, const Page& page) {
    std::ofstream file(path, std::ios::binary);
    file << page.text << std::flush;
    if (!file) std::cerr << path << ": cannot be written\n";
    return static_cast<bool>(file);
}

bool check_page(const std::string& path, const Page& page) {
    std::ifstream file(path, std::ios::binary);
    const std::string committed((std::istreambuf_iterator<char>(file)), {});
    if (committed == page.text) return true;
    std::cerr << path << " is out of date: ninja -C build/dev reference\n";
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() != 2 || (arguments[0] != "write" && arguments[0] != "check")) {
        std::cerr << "usage: shoal_reference write|check DIRECTORY\n";
        return 2;
    }
    bool good = true;
    for (const auto& page : {settings_page(), messages_page(), verdicts_page()}) {
        const auto path = fmt::format("{}/{}", arguments[1], page.file);
        good &= arguments[0] == "write" ? write_page(path, page) : check_page(path, page);
    }
    return good ? 0 : 1;
}
