#include "config/keepalived/sift.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ranges>

#include "config/toml_reader.h"
#include "config/toml_writer.h"

namespace shoal::config::keepalived {

namespace {

/// A table of the file: "virtual_server", which one, and which real server in it.
struct Spot {
    std::string kind;
    std::size_t number = 0;
    std::size_t inner = 0;
    auto operator<=>(const Spot&) const = default;
};

/// Which table each line of a shoal.toml is in, as the writer heads them.
std::vector<Spot> spots_of(std::string_view text) {
    std::vector<Spot> spots;
    Spot spot;
    std::map<std::string, std::size_t> counts;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.starts_with("[")) {
            const auto begin = line.find_first_not_of('[');
            std::string name(line.substr(begin, line.find(']') - begin));
            if (line.starts_with("[[") && !name.contains('.')) {
                spot = {name, ++counts[name], 0};
            } else if (line == "[[virtual_server.real_server]]") {
                spot = {name, spot.number, spot.kind == name ? spot.inner + 1 : 1};
            } else if (name != "virtual_server.real_server.monitor") {
                spot = {name, spot.number, 0};
            }
        }
        spots.push_back(spot);
    }
    return spots;
}

class Sieve {
  public:
    explicit Sieve(Context& context) : context_(context) {}

    bool run() {
        // Each round takes something out; what depends on it goes in the next ones.
        constexpr int most_rounds = 50;
        for (int round = 0; round < most_rounds; ++round) {
            const auto text = to_toml(context_.configuration);
            const auto read = read_toml(text, {});
            if (read) return true;
            if (!take_out(read.error(), spots_of(text))) return false;
        }
        return false;
    }

  private:
    bool take_out(const std::vector<Problem>& problems, const std::vector<Spot>& spots) {
        std::map<Spot, const Problem*> refused;
        for (const auto& problem : problems) {
            const auto line = static_cast<std::size_t>(problem.line);
            // Those that were only counted come in the next rounds.
            if (line == 0 || line > spots.size()) continue;
            refused.emplace(spots[line - 1], &problem);
        }
        // From the back, so that the numbers of the others stay.
        bool done = false;
        for (const auto& [spot, problem] : refused | std::views::reverse)
            done |= take_out(spot, *problem);
        return done;
    }

    bool take_out(const Spot& spot, const Problem& problem) {
        auto& configuration = context_.configuration;
        if (spot.kind == "mark")
            return erase(configuration.marks, context_.mark_places, spot.number, problem);
        if (spot.kind == "notification")
            return erase(configuration.notifications, context_.notification_places, spot.number,
                         problem);
        if (spot.kind == "vrrp_instance" || spot.kind.starts_with("vrrp_instance."))
            return erase(configuration.vrrp_instances, context_.instance_places, spot.number,
                         problem);
        if (spot.kind == "virtual_server.real_server") return server(spot, problem);
        if (spot.kind == "virtual_server.monitor") return monitor(spot, problem);
        if (spot.kind == "virtual_server") return service(spot.number, problem);
        return false;
    }

    template <class Value>
    bool erase(std::vector<Value>& values, std::vector<Place>& places, std::size_t number,
               const Problem& problem) {
        if (number == 0 || number > values.size()) return false;
        const auto index = static_cast<std::ptrdiff_t>(number - 1);
        say(places[number - 1], "this", problem);
        values.erase(values.begin() + index);
        places.erase(places.begin() + index);
        return true;
    }

    bool service(std::size_t number, const Problem& problem) {
        if (number == 0 || number > context_.server_places.size()) return false;
        const auto index = static_cast<std::ptrdiff_t>(number - 1);
        context_.server_places.erase(context_.server_places.begin() + index);
        return erase(context_.configuration.virtual_servers, context_.service_places, number,
                     problem);
    }

    bool server(const Spot& spot, const Problem& problem) {
        if (spot.number == 0 || spot.number > context_.server_places.size()) return false;
        return erase(context_.configuration.virtual_servers[spot.number - 1].real_servers,
                     context_.server_places[spot.number - 1], spot.inner, problem);
    }

    bool monitor(const Spot& spot, const Problem& problem) {
        if (spot.number == 0 || spot.number > context_.service_places.size()) return false;
        auto& service = context_.configuration.virtual_servers[spot.number - 1];
        if (!is_checked(service.monitor)) return false;
        service.monitor = {.type = model::MonitorType::none};
        for (auto& server : service.real_servers)
            server.monitor = {};
        say(context_.service_places[spot.number - 1], "the check of its real servers", problem);
        return true;
    }

    void say(const Place& place, std::string_view what, const Problem& problem) {
        context_.remarks.add(place, fmt::format("{} is left out: {}", what, problem.message),
                             problem.advice.contains("line") ? "" : problem.advice);
    }

    Context& context_;
};

}  // namespace

bool sift(Context& context) {
    return Sieve(context).run();
}

}  // namespace shoal::config::keepalived
