#include "director/reconcile.h"

#include <fmt/format.h>

#include <algorithm>

namespace shoal::director {

namespace {

using dataplane::Server;
using dataplane::Service;
using dataplane::ServiceKey;

const Service* find_service(const std::vector<Service>& services, const ServiceKey& key) {
    const auto found = std::ranges::find(services, key, &Service::key);
    return found == services.end() ? nullptr : &*found;
}

const Server* find_server(const std::vector<Server>& servers, const dataplane::ServerKey& key) {
    const auto found = std::ranges::find(servers, key, &Server::key);
    return found == servers.end() ? nullptr : &*found;
}

class Reconciliation {
  public:
    Reconciliation(const DesiredState& desired, const ObservedState& observed)
        : desired_(desired), observed_(observed) {}

    std::vector<Operation> operations() && {
        if (desired_.timeouts != observed_.dataplane.timeouts) {
            add(dataplane::SetTimeouts{desired_.timeouts});
        }
        // Failed servers first: each packet that still goes to one is lost.
        for (const auto& service : desired_.services)
            remove_servers(service);
        for (const auto& service : desired_.services)
            bring_in(service);
        attach_hooks();
        exchange_addresses();
        for (const auto& service : observed_.dataplane.services) {
            if (!find_service(desired_.services, service.key)) {
                add(dataplane::RemoveService{service.key});
            }
        }
        for (const auto& [device, hook] : observed_.dataplane.hooks) {
            if (!desired_.hooks.contains(device)) add(dataplane::DetachHook{device});
        }
        return std::move(operations_);
    }

  private:
    void add(dataplane::Operation operation) { operations_.emplace_back(std::move(operation)); }

    void remove_servers(const Service& service) {
        const auto* present = find_service(observed_.dataplane.services, service.key);
        if (!present) return;
        for (const auto& server : present->servers) {
            if (!find_server(service.servers, server.key)) {
                add(dataplane::RemoveServer{service.key, server.key});
            }
        }
    }

    void bring_in(const Service& service) {
        const auto* present = find_service(observed_.dataplane.services, service.key);
        if (!present) {
            add(dataplane::AddService{service.key, service.scheduler});
        } else if (present->scheduler != service.scheduler) {
            add(dataplane::EditService{service.key, service.scheduler});
        }
        for (const auto& server : service.servers) {
            const auto* old = present ? find_server(present->servers, server.key) : nullptr;
            if (!old) {
                add(dataplane::AddServer{service.key, server});
            } else if (*old != server) {
                add(dataplane::EditServer{service.key, server});
            }
        }
    }

    void attach_hooks() {
        for (const auto& [device, choice] : desired_.hooks) {
            const auto present = observed_.dataplane.hooks.find(device);
            if (present == observed_.dataplane.hooks.end() || present->second.wanted != choice) {
                add(dataplane::AttachHook{device, choice});
            }
        }
    }

    /// Removals first: an address that only changes its label or its device is free then.
    void exchange_addresses() {
        for (const auto& address : observed_.addresses) {
            if (std::ranges::find(desired_.addresses, address) == desired_.addresses.end()) {
                operations_.emplace_back(RemoveAddress{address});
            }
        }
        for (const auto& address : desired_.addresses) {
            if (std::ranges::find(observed_.addresses, address) == observed_.addresses.end()) {
                operations_.emplace_back(AddAddress{address});
            }
        }
    }

    const DesiredState& desired_;
    const ObservedState& observed_;
    std::vector<Operation> operations_;
};

struct Describe {
    std::string operator()(const dataplane::Operation& operation) const {
        return dataplane::to_string(operation);
    }
    std::string operator()(const AddAddress& add) const {
        return fmt::format("add address {} on {}", add.address.address.to_string(),
                           add.address.device.label);
    }
    std::string operator()(const RemoveAddress& remove) const {
        return fmt::format("remove address {} from {}", remove.address.address.to_string(),
                           remove.address.device.label);
    }
};

}  // namespace

std::string to_string(const Operation& operation) {
    return std::visit(Describe{}, operation);
}

std::vector<Operation> reconcile(const DesiredState& desired, const ObservedState& observed) {
    return Reconciliation(desired, observed).operations();
}

}  // namespace shoal::director
