#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "config/validators.h"
#include "model/choices.h"
#include "model/text.h"

namespace shoal::config {

namespace {

constexpr std::uint16_t last_port = std::numeric_limits<std::uint16_t>::max();

/// Ports of one address and protocol that a virtual server or a rule takes.
template <class Value>
struct Claim {
    model::PortRange ports;
    const Part<Value>* owner;
    /// Where it is said; later ones are the ones to blame.
    Position position;
    std::size_t order;

    std::uint16_t first() const { return ports.is_any() ? std::uint16_t{1} : ports.first; }
    std::uint16_t last() const { return ports.is_any() ? last_port : ports.last; }
};
using ServiceClaim = Claim<model::VirtualServer>;
using RuleClaim = Claim<model::MarkRule>;

using Endpoint = std::pair<net::Address, model::Protocol>;
template <class Value>
using Claims = std::map<Endpoint, std::vector<Claim<Value>>>;

std::string text_of(const Endpoint& endpoint, const model::PortRange& ports) {
    return fmt::format("{} port {}/{}", endpoint.first.to_string(), model::format_port_range(ports),
                       model::name_of(endpoint.second));
}

/// Calls `report(later, earlier)` for every claim that has a port in common with another one.
template <class Value, class Report>
void find_overlaps(std::vector<Claim<Value>> claims, Report report) {
    std::ranges::sort(claims, {},
                      [](const auto& claim) { return std::pair(claim.first(), claim.order); });
    const Claim<Value>* widest = nullptr;
    for (const auto& claim : claims) {
        if (widest != nullptr && claim.first() <= widest->last()) {
            const bool later = claim.order > widest->order;
            report(later ? claim : *widest, later ? *widest : claim);
        }
        if (widest == nullptr || claim.last() > widest->last()) widest = &claim;
    }
}

class PortValidator {
  public:
    PortValidator(const Examination& examination, const std::vector<ServicePart>& services,
                  const std::vector<RulePart>& rules)
        : problems_(examination.problems) {
        for (const auto& service : services)
            claim(service);
        for (const auto& rule : rules)
            claim(rule);
    }

    void run() {
        for (const auto& [endpoint, claims] : services_) {
            services_overlap(endpoint, claims);
            const auto rules = rules_.find(endpoint);
            if (rules != rules_.end()) services_covered(endpoint, claims, rules->second);
        }
        for (const auto& [endpoint, claims] : rules_)
            rules_overlap(endpoint, claims);
    }

  private:
    void claim(const ServicePart& service) {
        const auto& value = service.value;
        const bool known = service.given("address") && service.place("port") &&
                           service.place("protocol") && service.place("active") &&
                           service.place("firewall_mark");
        if (!known || !value.active) return;
        if (value.firewall_mark) {
            used_marks_.insert(*value.firewall_mark);
            return;
        }
        services_[{value.address.address, value.protocol}].push_back(
            {value.port, &service, *service.given("address"), ++order_});
    }

    void claim(const RulePart& rule) {
        if (!rule.given("address") || !rule.place("protocol") || !rule.given("ports")) return;
        const auto& value = rule.value;
        auto& claims = rules_[{value.address, value.protocol}];
        for (std::size_t i = 0; i < value.ports.size(); ++i)
            claims.push_back({value.ports[i], &rule, rule.item_place("ports", i), ++order_});
    }

    /// A single port or a range comes before port 0, which takes what is left.
    void services_overlap(const Endpoint& endpoint, const std::vector<ServiceClaim>& claims) {
        std::vector<ServiceClaim> every;
        std::vector<ServiceClaim> some;
        for (const auto& claim : claims)
            (claim.ports.is_any() ? every : some).push_back(claim);
        for (const auto& group : {every, some}) {
            find_overlaps(group, [&](const ServiceClaim& later, const ServiceClaim& earlier) {
                problems_.add(later.position, overlap_text(endpoint, later, earlier),
                              seen_in(earlier.owner->position));
            });
        }
    }

    static std::string overlap_text(const Endpoint& endpoint, const ServiceClaim& later,
                                    const ServiceClaim& earlier) {
        const auto relation =
            later.ports == earlier.ports
                ? "is already that"
                : fmt::format("overlaps port {}", model::format_port_range(earlier.ports));
        return fmt::format("{}: {} {} of {}, and both are active", title_of(later.owner->value),
                           text_of(endpoint, later.ports), relation,
                           title_of(earlier.owner->value));
    }

    void rules_overlap(const Endpoint& endpoint, const std::vector<RuleClaim>& claims) {
        find_overlaps(claims, [&](const RuleClaim& later, const RuleClaim& earlier) {
            problems_.add(
                later.position,
                fmt::format("{} has mark {} already by {}", text_of(endpoint, later.ports),
                            earlier.owner->value.value, model::format_port_range(earlier.ports)),
                earlier.position.line == 0
                    ? "each port stands in one rule, once"
                    : fmt::format("see line {}; each port stands in one rule, once",
                                  earlier.position.line));
        });
    }

    /// A mark comes before all else: who has no port that is left to him is never reached.
    void services_covered(const Endpoint& endpoint, const std::vector<ServiceClaim>& services,
                          std::vector<RuleClaim> rules) {
        std::erase_if(rules, [&](const RuleClaim& rule) {
            return !used_marks_.contains(rule.owner->value.value);
        });
        std::ranges::sort(rules, {}, &RuleClaim::first);
        for (const auto& service : services) {
            const auto* rule = covering_rule(service, rules);
            if (rule == nullptr) continue;
            const auto mark = rule->owner->value.value;
            problems_.add(
                service.owner->place("port").value_or(service.position),
                fmt::format("{} is never reached: the packets to {} have mark {}",
                            title_of(service.owner->value), text_of(endpoint, service.ports), mark),
                fmt::format("use firewall_mark = {} instead of port, or take the port out of the "
                            "[[mark]]",
                            mark));
        }
    }

    /// The rule at the service's first port, if the rules leave none of its ports; else null.
    static const RuleClaim* covering_rule(const ServiceClaim& service,
                                          const std::vector<RuleClaim>& sorted) {
        const RuleClaim* at_first = nullptr;
        int next = service.first();
        for (const auto& rule : sorted) {
            if (rule.first() > next) break;
            if (rule.last() < next) continue;
            if (at_first == nullptr) at_first = &rule;
            next = rule.last() + 1;
        }
        return next > service.last() ? at_first : nullptr;
    }

    ProblemList& problems_;
    std::size_t order_ = 0;
    std::set<std::uint32_t> used_marks_;
    Claims<model::VirtualServer> services_;
    Claims<model::MarkRule> rules_;
};

}  // namespace

void validate_ports(const Examination& examination, const std::vector<ServicePart>& services,
                    const std::vector<RulePart>& rules) {
    PortValidator(examination, services, rules).run();
}

}  // namespace shoal::config
