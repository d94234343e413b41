// The course of a simulated pool whose weights follow its loads, as bench/load_weights/chart.py
// draws it: JSON on standard output.

#include <cstdio>

#include "health/loads/pool_simulation.h"

namespace {

using Course = std::vector<std::vector<std::uint32_t>>;
using std::chrono::seconds;

constexpr seconds length{3 * 3600};
/// Between two points of a line.
constexpr std::size_t step = 30;

Course course(bool at_once) {
    shoal::health::SimulatedPool pool{.capacities = {1, 0.5, 2},
                                      .offered = 2.8,
                                      .begin = {1000, 1000, 1000},
                                      .age = seconds(60),
                                      .at_once = at_once};
    pool.settings.interval = seconds(60);
    return shoal::health::simulate(pool, length);
}

void print(const char* name, const Course& course, const char* end) {
    std::printf("  \"%s\": [\n", name);
    for (std::size_t server = 0; server < course.front().size(); ++server) {
        std::printf("%s    [", server == 0 ? "" : ",\n");
        for (std::size_t at = 0; at < course.size(); at += step)
            std::printf("%s%u", at == 0 ? "" : ", ", course[at][server]);
        std::printf("]");
    }
    std::printf("\n  ]%s\n", end);
}

}  // namespace

int main() {
    std::printf("{\n  \"step\": %zu,\n", step);
    print("at_once", course(true), ",");
    print("smoothed", course(false), "");
    std::printf("}\n");
}
