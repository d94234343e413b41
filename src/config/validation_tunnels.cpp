#include <fmt/format.h>

#include <algorithm>

#include "config/validators.h"
#include "model/choices.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using model::ForwardingMethod;
using model::in_quotes;
using model::TunnelType;

class TunnelValidator {
  public:
    explicit TunnelValidator(const Examination& examination)
        : configuration_(examination.configuration),
          problems_(examination.problems),
          global_method_is_known_(is_global_method_known(examination.document)) {}

    void run(const ServicePart& service) {
        if (!global_method_is_known_ || !service.place("network_type") ||
            !service.place("tunnel_type") || !service.place("sorry_server"))
            return;
        for (const auto& server : servers_of(service)) {
            if (!server.place("network_type") || !server.place("tunnel_type")) return;
            real_server(service, server);
        }
        virtual_server(service);
    }

  private:
    void real_server(const ServicePart& service, const ServerPart& server) {
        const auto method = forwarding_method(configuration_, service.value, server.value);
        const auto who = "real server " + in_quotes(server.value.name);
        if (const auto place = server.given("tunnel_type");
            place && method != ForwardingMethod::tunnel)
            problems_.add(*place, who + " has a tunnel_type, but is not reached by tunneling",
                          no_tunneling);
        if (const auto place = server.given("tunnel_port");
            place && !is_gue(method, service, server.value))
            problems_.add(*place, who + " has a tunnel_port, but is not reached by GUE", no_gue);
        loopback(service, server, who);
    }

    /// The director's own services get the packet as it came.
    void loopback(const ServicePart& service, const ServerPart& server, const std::string& who) {
        const auto place = server.given("port");
        if (!place || !server.given("address") || !service.place("port")) return;
        const bool own = server.value.address.is_loopback();
        const bool same = service.value.port == model::PortRange(*server.value.port);
        if (!own || (same && !service.value.firewall_mark)) return;
        problems_.add(*place,
                      fmt::format("{} is the director itself and has port {}, but its packets stay "
                                  "as they came",
                                  who, *server.value.port),
                      "remove it, and let the service listen on the virtual server's port");
    }

    void virtual_server(const ServicePart& service) {
        bool tunnels = false;
        bool gue = false;
        const auto note = [&](const model::RealServer& server) {
            const auto method = forwarding_method(configuration_, service.value, server);
            tunnels |= method == ForwardingMethod::tunnel;
            gue |= is_gue(method, service, server);
        };
        std::ranges::for_each(service.value.real_servers, note);
        if (service.value.sorry_server) {
            model::RealServer sorry;
            sorry.network_type = service.value.sorry_server->network_type;
            note(sorry);
        }
        const auto title = title_of(service.value);
        if (const auto place = service.given("tunnel_type"); place && !tunnels)
            problems_.add(
                *place, title + ": tunnel_type is set, but no real server is reached by tunneling",
                no_tunneling);
        if (const auto place = service.given("tunnel_port"); place && !gue)
            problems_.add(*place,
                          title + ": tunnel_port is set, but no real server is reached by GUE",
                          no_gue);
    }

    static bool is_gue(ForwardingMethod method, const ServicePart& service,
                       const model::RealServer& server) {
        return method == ForwardingMethod::tunnel &&
               tunnel_of(method, service.value, server).type == TunnelType::gue;
    }

    static constexpr auto no_tunneling = "set network_type = \"tunnel\", or remove it";
    static constexpr auto no_gue =
        "set network_type = \"tunnel\" and tunnel_type = \"gue\", or remove it";

    const model::Configuration& configuration_;
    ProblemList& problems_;
    bool global_method_is_known_;
};

}  // namespace

void validate_tunnels(const Examination& examination, const std::vector<ServicePart>& services) {
    TunnelValidator validator(examination);
    for (const auto& service : services)
        validator.run(service);
}

}  // namespace shoal::config
