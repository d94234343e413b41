#include "report.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

namespace shoal::bench {
namespace {

constexpr double lowest_valid_floor = 31;
constexpr double highest_valid_floor = 37;

bool is_valid(const Figures& figures) {
    const auto found = figures.find("floor");
    if (found == figures.end()) return false;
    const double floor = median(found->second);
    return floor >= lowest_valid_floor && floor <= highest_valid_floor;
}

std::string kernel_release() {
    utsname names{};
    uname(&names);
    return static_cast<const char*>(names.release);
}

std::string cpu_model() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
    return "unknown";
}

}  // namespace

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

std::string to_table(const Figures& figures) {
    std::string table = "ns per packet                    median    min    max\n";
    for (const auto& [name, values] : figures) {
        const auto [lowest, highest] = std::ranges::minmax(values);
        // Ratios and milliseconds are small; nanoseconds are not.
        const int decimals = highest < 10 ? 2 : 0;
        char line[96];
        std::snprintf(line, sizeof(line), "%-32s %6.*f %6.*f %6.*f\n", name.c_str(), decimals,
                      median(values), decimals, lowest, decimals, highest);
        table += line;
    }
    if (!is_valid(figures))
        table +=
            "Not valid: the floor was not measured, or is not within 31 to 37: the machine was "
            "disturbed.\n";
    return table;
}

std::string to_json(const Figures& figures) {
    nlohmann::ordered_json json;
    for (const auto& [name, values] : figures)
        json[name] = median(values);
    json["valid"] = is_valid(figures);
    json["repetitions"] = figures.begin()->second.size();
    json["kernel"] = kernel_release();
    json["cpu"] = cpu_model();
    return json.dump();
}

}  // namespace shoal::bench
