// `./run bench config`: what a large configuration costs. 10,000 virtual servers with 10 real
// servers each are more than the data plane takes; that is one problem among those found, and
// nothing is cut short by it.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>

#include "config/endpoints.h"
#include "config/model_reader.h"
#include "config/plan.h"
#include "config/problem_list.h"
#include "config/toml_document.h"
#include "config/validation.h"

namespace {

using namespace std::string_view_literals;
using shoal::config::Running;
using shoal::model::Configuration;

constexpr int virtual_servers = 10'000;
constexpr int real_servers = 10;
constexpr int repetitions = 5;

std::string address(int network, int number) {
    return fmt::format("10.{}.{}.{}", network + number / 62'500, number / 250 % 250,
                       1 + number % 250);
}

std::string file_text() {
    std::string text;
    for (int service = 0; service < virtual_servers; ++service) {
        text += fmt::format(
            "[[virtual_server]]\nname = \"service-{}\"\naddress = \"{}/32\"\ndevice = \"wan0:1\"\n"
            "port = 443\nscheduler = \"wrr\"\n\n",
            service, address(1, service));
        for (int server = 0; server < real_servers; ++server) {
            text += fmt::format(
                "[[virtual_server.real_server]]\nname = \"server-{}\"\naddress = \"{}\"\n"
                "weight = {}\n\n",
                server, address(100, service * real_servers + server), 1 + server);
        }
    }
    return text;
}

/// Each real server has ten connections.
Running running(const Configuration& configuration) {
    Running running;
    for (const auto& service : configuration.virtual_servers) {
        auto& known = running.services[service.name];
        for (const auto& server : service.real_servers)
            known.servers.push_back(
                {shoal::config::endpoint_of(service, server), server.weight, 10, 0});
    }
    return running;
}

/// The least of several runs, in seconds: what else the machine did is not of interest.
template <class Work>
double seconds(Work work) {
    double least = 1e9;
    for (int run = 0; run < repetitions; ++run) {
        const auto begin = std::chrono::steady_clock::now();
        work();
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
        least = std::min(least, taken.count());
    }
    return least;
}

struct Figures {
    double parse = 0;
    double read = 0;
    double validate = 0;
    double check = 0;
    double plan_of_weight = 0;
    double plan_of_all_weights = 0;
};

/// As read_toml() does it.
Figures check(const std::string& text, Configuration& configuration) {
    Figures figures;
    const auto begin = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    };
    auto document = shoal::config::parse_toml(text).value();
    figures.parse = elapsed();
    shoal::config::ProblemList problems;
    configuration = shoal::config::read_model(document, problems);
    figures.read = elapsed() - figures.parse;
    validate(configuration, document, {}, problems);
    figures.check = elapsed();
    figures.validate = figures.check - figures.parse - figures.read;
    return figures;
}

Figures measure(const std::string& text) {
    Configuration configuration;
    auto figures = check(text, configuration);
    for (int run = 1; run < repetitions; ++run) {
        const auto again = check(text, configuration);
        if (again.check < figures.check) figures = again;
    }
    const auto runs = running(configuration);
    auto candidate = configuration;
    auto& servers = candidate.virtual_servers[virtual_servers / 2].real_servers;
    servers[real_servers / 2].weight = 77;
    figures.plan_of_weight = seconds([&] { (void)make_plan(configuration, candidate, runs); });
    for (auto& service : candidate.virtual_servers)
        service.real_servers[0].weight = 5;
    figures.plan_of_all_weights = seconds([&] { (void)make_plan(configuration, candidate, runs); });
    return figures;
}

void print(const Figures& figures, std::size_t bytes) {
    fmt::print("{} virtual servers with {} real servers each, a file of {} MB\n", virtual_servers,
               real_servers, bytes >> 20);
    fmt::print("check                  {:6.3f} s\n", figures.check);
    fmt::print("  syntax               {:6.3f} s\n", figures.parse);
    fmt::print("  values               {:6.3f} s\n", figures.read);
    fmt::print("  contradictions       {:6.3f} s\n", figures.validate);
    fmt::print("plan of one weight     {:6.3f} s\n", figures.plan_of_weight);
    fmt::print("plan of {} weights  {:6.3f} s\n", virtual_servers, figures.plan_of_all_weights);
}

void print_json(const Figures& figures, std::size_t bytes) {
    const nlohmann::json json{{"virtual_servers", virtual_servers},
                              {"real_servers", real_servers},
                              {"file_bytes", bytes},
                              {"check_seconds", figures.check},
                              {"syntax_seconds", figures.parse},
                              {"values_seconds", figures.read},
                              {"contradictions_seconds", figures.validate},
                              {"plan_of_one_weight_seconds", figures.plan_of_weight},
                              {"plan_of_all_weights_seconds", figures.plan_of_all_weights}};
    fmt::print("{}\n", json.dump(2));
}

}  // namespace

int main(int count, char** words) {
    const auto text = file_text();
    const auto figures = measure(text);
    const bool json = count > 1 && words[1] == "--json"sv;
    json ? print_json(figures, text.size()) : print(figures, text.size());
}
