#include "config/keepalived/vrrp_tracks.h"

#include <fmt/format.h>

#include <array>

#include "config/keepalived/keywords.h"
#include "config/keepalived/service.h"
#include "config/keepalived/values.h"
#include "model/settings_redundancy.h"

namespace shoal::config::keepalived {

namespace {

using model::in_quotes;
using model::milliseconds;

/// "weight N [reverse]", or the same without its first word. 0 with a remark where it is none.
std::int32_t weight_of(const std::vector<std::string>& words, std::size_t from, const Place& place,
                       Remarks& remarks) {
    std::int32_t weight = 0;
    for (auto i = from; i < words.size(); ++i) {
        if (words[i] == "weight" || words[i] == "noreverse") continue;
        if (const auto value = signed_number_of(words[i], model::max_track_weight)) {
            weight = static_cast<std::int32_t>(*value);
        } else {
            remarks.add(place, fmt::format("{} is left out", in_quotes(words[i])));
        }
    }
    return weight;
}

class ScriptReader {
  public:
    explicit ScriptReader(Remarks& remarks) : remarks_(remarks) {}

    std::optional<model::TrackedCommand> run(const Statement& statement);

    void script(const Statement& statement) {
        if (auto script = read_script(statement, remarks_))
            value_.command = std::move(script->command);
    }
    void interval(const Statement& statement) {
        const auto interval = value_of(statement, remarks_, "number of seconds", seconds_of);
        if (interval)
            value_.interval = std::clamp(*interval, milliseconds(100), milliseconds(3'600'000));
    }
    void weight(const Statement& statement) {
        value_.weight = weight_of(statement.arguments, 0, statement.place, remarks_);
    }

  private:
    Remarks& remarks_;
    model::TrackedCommand value_;
};

constexpr std::string_view one_counts = "one answer counts";
constexpr std::array<Keyword<ScriptReader>, 8> script_keywords{{
    {"script", &ScriptReader::script},
    {"interval", &ScriptReader::interval},
    {"weight", &ScriptReader::weight},
    {"timeout", nullptr, "a program has until its next start"},
    {"rise", nullptr, one_counts},
    {"fall", nullptr, one_counts},
    {"user", nullptr, "programs run as a user without rights"},
    {"init_fail", nullptr, one_counts},
}};

std::optional<model::TrackedCommand> ScriptReader::run(const Statement& statement) {
    read_block<ScriptReader>(*this, statement.block, script_keywords, "vrrp_script", remarks_);
    const auto name = statement.arguments.empty() ? "" : statement.arguments.front();
    if (value_.command.empty() || !model::parse_name(name)) {
        remarks_.add(statement.place, "vrrp_script without a name and a script, left out");
        return std::nullopt;
    }
    value_.name = name;
    return std::move(value_);
}

}  // namespace

Scripts read_scripts(const std::vector<Statement>& tree, Remarks& remarks) {
    Scripts scripts;
    for (const auto& statement : tree) {
        if (statement.keyword != "vrrp_script") continue;
        if (auto script = ScriptReader(remarks).run(statement))
            scripts.insert_or_assign(script->name, std::move(*script));
    }
    return scripts;
}

namespace {

/// Whether there is no room for one more in `list`, which is said.
template <class Tracked>
bool is_full(const std::vector<Tracked>& list, const Place& place, Remarks& remarks) {
    if (list.size() < most_of_instance) return false;
    remarks.add(place, "too much is tracked, this and what follows is left out",
                fmt::format("at most {}", most_of_instance));
    return true;
}

}  // namespace

void track_devices(const Statement& block, model::VrrpInstance& instance, Remarks& remarks) {
    for (const auto& line : block.block) {
        if (is_full(instance.track_devices, line.place, remarks)) return;
        const auto name = model::parse_device_name(line.keyword);
        const bool known =
            std::ranges::find(instance.track_devices, line.keyword, &model::TrackedDevice::name) !=
            instance.track_devices.end();
        if (!name || known) {
            remarks.add(line.place,
                        fmt::format("track_interface: {} is {}, left out", in_quotes(line.keyword),
                                    known ? "tracked already" : "no device"));
            continue;
        }
        instance.track_devices.push_back(
            {*name, weight_of(line.arguments, 0, line.place, remarks)});
    }
}

void track_scripts(const Statement& block, const Scripts& scripts, model::VrrpInstance& instance,
                   Remarks& remarks) {
    for (const auto& line : block.block) {
        if (is_full(instance.track_commands, line.place, remarks)) return;
        const auto script = scripts.find(line.keyword);
        const bool known =
            std::ranges::find(instance.track_commands, line.keyword,
                              &model::TrackedCommand::name) != instance.track_commands.end();
        if (script == scripts.end() || known) {
            remarks.add(
                line.place,
                fmt::format(
                    "track_script: {}, left out",
                    known ? fmt::format("{} is tracked already", in_quotes(line.keyword))
                          : fmt::format("there is no vrrp_script {}", in_quotes(line.keyword))));
            continue;
        }
        auto command = script->second;
        if (!line.arguments.empty())
            command.weight = weight_of(line.arguments, 0, line.place, remarks);
        instance.track_commands.push_back(std::move(command));
    }
}

}  // namespace shoal::config::keepalived
