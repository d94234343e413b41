#include <fmt/format.h>

#include "config/validators.h"
#include "model/choices.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using model::ForwardingMethod;

std::string_view family_of(const net::Address& address) {
    return address.is_v6() ? "IPv6" : "IPv4";
}

bool differ(const net::Address& a, const net::Address& b) {
    return a.is_v6() != b.is_v6();
}

class FamilyValidator {
  public:
    explicit FamilyValidator(const Examination& examination)
        : configuration_(examination.configuration),
          problems_(examination.problems),
          global_method_is_known_(is_global_method_known(examination.document)) {}

    void run(const ServicePart& service) {
        if (!service.given("address")) return;
        netmask(service);
        list(service, "allow", service.value.allow);
        list(service, "deny", service.value.deny);
        if (!global_method_is_known_ || !service.place("network_type")) return;
        for (const auto& server : servers_of(service)) {
            const auto place = server.given("address");
            if (!place || !server.place("network_type")) continue;
            const auto method = forwarding_method(configuration_, service.value, server.value);
            goes_together(service, server.value.address, method, *place,
                          "real server " + model::in_quotes(server.value.name));
        }
        sorry_server(service);
    }

  private:
    /// Neither NAT nor direct routing makes one family's packet the other's.
    void goes_together(const ServicePart& service, const net::Address& server,
                       ForwardingMethod method, Position place, const std::string& who) {
        const auto& address = service.value.address.address;
        if (method == ForwardingMethod::tunnel || !differ(address, server)) return;
        problems_.add(
            place,
            fmt::format("{} has the {} address {}, but {} the {} address {}, and {} keeps the "
                        "family",
                        who, family_of(server), server.to_string(), title_of(service.value),
                        family_of(address), address.to_string(),
                        method == ForwardingMethod::nat ? "NAT" : "direct routing"),
            fmt::format("write an {} address, or tunnel between the families: network_type = "
                        "\"tunnel\"",
                        family_of(address)));
    }

    void sorry_server(const ServicePart& service) {
        const auto place = service.given("sorry_server");
        if (!place) return;
        const auto& node = service.table.find("sorry_server")->node;
        if (const auto* table = std::get_if<Table>(&node.value)) {
            const auto* address = table->find("address");
            const auto* method = table->find("network_type");
            if (address == nullptr || address->node.refused ||
                (method != nullptr && method->node.refused))
                return;
        }
        const auto& sorry = *service.value.sorry_server;
        model::RealServer like;
        like.network_type = sorry.network_type;
        goes_together(service, sorry.address,
                      forwarding_method(configuration_, service.value, like), *place,
                      "the sorry server");
    }

    void netmask(const ServicePart& service) {
        const auto place = service.given("persistence_netmask");
        const auto& address = service.value.address.address;
        if (!place || service.value.persistence_netmask->length <= address.bit_length()) return;
        problems_.add(*place,
                      fmt::format("{}: persistence_netmask = {} is longer than an {} address",
                                  title_of(service.value),
                                  service.value.persistence_netmask->length, family_of(address)),
                      fmt::format("at most {}", address.bit_length()));
    }

    /// A prefix of the other family would match no client, and `allow` then lets nobody in.
    void list(const ServicePart& service, std::string_view key,
              const std::vector<net::Prefix>& prefixes) {
        if (!service.given(key)) return;
        const auto& address = service.value.address.address;
        for (std::size_t i = 0; i < prefixes.size(); ++i) {
            if (!differ(prefixes[i].address, address)) continue;
            problems_.add(service.item_place(key, i),
                          fmt::format("{}: {} in {} is {}, but all clients of {} are {}",
                                      title_of(service.value), prefixes[i].to_string(), key,
                                      family_of(prefixes[i].address), address.to_string(),
                                      family_of(address)),
                          "remove it");
        }
    }

    const model::Configuration& configuration_;
    ProblemList& problems_;
    bool global_method_is_known_;
};

}  // namespace

void validate_families(const Examination& examination, const std::vector<ServicePart>& services) {
    FamilyValidator validator(examination);
    for (const auto& service : services)
        validator.run(service);
}

}  // namespace shoal::config
