#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"

namespace shoal::http {

/// The values of a pattern's parameters, by name.
using Parameters = std::map<std::string, std::string>;

/// The parts of a pattern such as "/api/v1/virtual_servers/{name}".
std::vector<std::string> pattern_segments(std::string_view pattern);
/// The parameters where `path` fits the pattern. A parameter stands for one segment, not empty.
std::optional<Parameters> match_path(std::span<const std::string> pattern,
                                     std::span<const std::string> path);
std::string_view method_name(Method method);

/// Finds what answers a request, by method and path.
template <class Endpoint>
class Router {
  public:
    struct Match {
        /// Unset: the path is unknown, or (where `allowed` is set) known under other methods.
        const Endpoint* endpoint = nullptr;
        Parameters parameters;
        /// For the header Allow: "GET, PUT".
        std::string allowed;
    };

    /// The first route that fits answers.
    void add(Method method, std::string_view pattern, Endpoint endpoint) {
        routes_.push_back({method, pattern_segments(pattern), std::move(endpoint)});
    }

    Match find(const HttpRequest& request) const {
        Match match;
        for (const auto& route : routes_) {
            auto parameters = match_path(route.pattern, request.path);
            if (!parameters) continue;
            if (route.method == request.method)
                return {&route.endpoint, std::move(*parameters), ""};
            if (!match.allowed.empty()) match.allowed += ", ";
            match.allowed += method_name(route.method);
        }
        return match;
    }

  private:
    struct Route {
        Method method;
        std::vector<std::string> pattern;
        Endpoint endpoint;
    };
    std::vector<Route> routes_;
};

}  // namespace shoal::http
