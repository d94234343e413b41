#include <fmt/format.h>

#include "config/validators.h"
#include "model/choices.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using model::CheckTo;
using model::ForwardingMethod;
using model::in_quotes;

class CheckWayValidator {
  public:
    explicit CheckWayValidator(const Examination& examination)
        : configuration_(examination.configuration),
          problems_(examination.problems),
          global_method_is_known_(is_global_method_known(examination.document)) {}

    void run(const ServicePart& service) {
        // A virtual server without a table of its own has no setting to go wrong.
        const auto monitor = part_of(service, "monitor", &model::VirtualServer::monitor);
        if (service.given("monitor") && monitor && (!monitor->place("to") || !is_known(*monitor)))
            return;
        for (const auto& server : servers_of(service))
            real_server(service, monitor, server);
    }

  private:
    using MonitorPart = Part<model::Monitor>;

    static bool is_known(const MonitorPart& monitor) {
        return monitor.place("type") && monitor.place("address");
    }

    void real_server(const ServicePart& service, const std::optional<MonitorPart>& monitor,
                     const ServerPart& server) {
        const auto checked = monitor_of(service.value, server.value);
        if (checked.to != CheckTo::virtual_address || !is_checked(checked)) return;
        const auto own = part_of(server, "monitor", &model::RealServer::monitor);
        if (!server.place("address") || (own && (!own->place("to") || !own->place("address"))))
            return;
        auto place = own ? own->given("to") : std::nullopt;
        if (!place && monitor) place = monitor->given("to");
        if (place) judge(*place, service, server, checked);
    }

    void judge(Position place, const ServicePart& service, const ServerPart& server,
               const model::Monitor& checked) {
        const auto& value = server.value;
        const auto add = [&](std::string_view message, std::string_view advice) {
            problems_.add(place,
                          fmt::format("{}: the check of real server {} cannot go to the virtual "
                                      "address: {}",
                                      title_of(service.value), in_quotes(value.name), message),
                          std::string(advice));
        };
        if (checked.address) {
            return add("it has a check address of its own",
                       "remove address from its monitor, or set to = \"real-server\"");
        }
        if (value.address.is_loopback()) {
            return add("it is the director itself",
                       "set monitor = { to = \"real-server\" } for this real server");
        }
        if (service.place("address") &&
            service.value.address.address.is_v6() != value.address.is_v6()) {
            return add("the two are of different families",
                       "set monitor = { to = \"real-server\" } for this real server");
        }
        const bool method_is_known = global_method_is_known_ && service.place("network_type") &&
                                     server.place("network_type");
        if (method_is_known &&
            forwarding_method(configuration_, service.value, value) == ForwardingMethod::nat) {
            add("behind NAT it gets no packets to one",
                "set network_type = \"direct\" or \"tunnel\", or to = \"real-server\"");
        }
    }

    const model::Configuration& configuration_;
    ProblemList& problems_;
    bool global_method_is_known_;
};

}  // namespace

void validate_check_ways(const Examination& examination, const std::vector<ServicePart>& services) {
    CheckWayValidator validator(examination);
    for (const auto& service : services)
        validator.run(service);
}

}  // namespace shoal::config
