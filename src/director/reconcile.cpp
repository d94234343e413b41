#include "director/reconcile.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "dataplane/port_claims.h"
#include "director/index.h"

namespace shoal::director {

namespace {

using dataplane::Server;
using dataplane::Service;

/// The order of the prefixes of an access list means nothing.
bool are_equal(dataplane::ServiceOptions a, dataplane::ServiceOptions b) {
    for (auto* prefixes : {&a.allow, &a.deny, &b.allow, &b.deny})
        std::ranges::sort(*prefixes);
    return a == b;
}

/// What turns one service that is there into the wanted one.
class ServiceChange {
  public:
    ServiceChange(const Service& present, const Service& wanted, const Departures& departures)
        : present_(present), wanted_(wanted), departures_(departures) {}

    bool removes_any() const {
        return std::ranges::any_of(present_.servers, [this](const auto& server) {
            return leaves(server) && !is_sorry_server(server);
        });
    }

    /// Another one may be waiting for them.
    bool gives_ports_up() const {
        if (are_equal(present_.options, wanted_.options)) return false;
        auto before = dataplane::claims_of(present_.key, present_.options);
        auto after = dataplane::claims_of(wanted_.key, wanted_.options);
        std::ranges::sort(before);
        std::ranges::sort(after);
        return !std::ranges::includes(after, before);
    }

    /// The sorry server leaves when the others are there: somebody always serves.
    std::vector<dataplane::Operation> operations() const {
        std::vector<dataplane::Operation> operations;
        // A scheduler that may only look at fewer comes when the others have gone.
        const bool fits =
            dataplane::check_pool(wanted_.options.scheduler, present_.servers.size()).has_value();
        if (!fits) add_removals(operations, false);
        if (!are_equal(present_.options, wanted_.options))
            operations.emplace_back(dataplane::EditService{wanted_.key, wanted_.options});
        if (fits) add_removals(operations, false);
        const Index present(present_.servers);
        for (const auto& server : wanted_.servers) {
            const auto* old = present.find(server.key);
            if (!old) {
                operations.emplace_back(dataplane::AddServer{wanted_.key, server});
            } else if (*old != server) {
                operations.emplace_back(dataplane::EditServer{wanted_.key, server});
            }
        }
        add_removals(operations, true);
        return operations;
    }

  private:
    bool leaves(const Server& server) const { return wanted_servers_.find(server.key) == nullptr; }
    bool is_sorry_server(const Server& server) const {
        return departures_.sorry_server == server.key;
    }
    void add_removals(std::vector<dataplane::Operation>& operations, bool sorry_server) const {
        for (const auto& server : present_.servers) {
            if (!leaves(server) || is_sorry_server(server) != sorry_server) continue;
            operations.emplace_back(dataplane::RemoveServer{
                wanted_.key, server.key, departures_.connections_of(server.key)});
        }
    }

    const Service& present_;
    const Service& wanted_;
    const Departures& departures_;
    Index<Server> wanted_servers_{wanted_.servers};
};

/// Services that are there and not wanted.
class LeavingServices {
  public:
    LeavingServices(const std::vector<Service>& present, const std::vector<Service>& wanted) {
        const Index still_wanted(wanted);
        for (const auto& service : present) {
            if (still_wanted.find(service.key)) continue;
            claims_.put(static_cast<std::uint32_t>(keys_.size()),
                        dataplane::claims_of(service.key, service.options));
            keys_.push_back(service.key);
        }
    }

    /// One, taken out of here, that holds ports which `service` needs.
    std::optional<dataplane::ServiceKey> take_rival_of(const Service& service) {
        const auto rival = claims_.find_rival(
            nobody, dataplane::claims_of(service.key, service.options), [](auto) { return false; });
        if (!rival) return std::nullopt;
        claims_.put(*rival, {});
        return std::exchange(keys_[*rival], std::nullopt);
    }
    std::vector<dataplane::ServiceKey> rest() const {
        std::vector<dataplane::ServiceKey> keys;
        for (const auto& key : keys_) {
            if (key) keys.push_back(*key);
        }
        return keys;
    }

  private:
    static constexpr auto nobody = std::numeric_limits<std::uint32_t>::max();

    std::vector<std::optional<dataplane::ServiceKey>> keys_;
    dataplane::ClaimBook claims_;
};

class Reconciliation {
  public:
    Reconciliation(const DesiredState& desired, const ObservedState& observed)
        : desired_(desired),
          observed_(observed),
          leaving_(observed.dataplane.services, desired.services) {}

    std::vector<Operation> operations() && {
        set_settings();
        change_services();
        attach_hooks();
        exchange_addresses();
        remove_services();
        for (const auto& [device, hook] : observed_.dataplane.hooks) {
            if (!desired_.hooks.contains(device)) add(dataplane::DetachHook{device});
        }
        // Last, because no hook changes while connections move.
        if (desired_.table_size != observed_.dataplane.table_size)
            add(dataplane::SetTableSize{desired_.table_size});
        return std::move(operations_);
    }

  private:
    void add(dataplane::Operation operation) { operations_.emplace_back(std::move(operation)); }

    void set_settings() {
        if (desired_.timeouts != observed_.dataplane.timeouts)
            add(dataplane::SetTimeouts{desired_.timeouts});
        if (desired_.secure_tcp != observed_.dataplane.secure_tcp)
            add(dataplane::SetSecureTcp{desired_.secure_tcp});
    }

    /// Services with failed servers first: each packet that still goes to one is lost. All that
    /// concerns one service stands together, since it takes effect together.
    void change_services() {
        const Index present(observed_.dataplane.services);
        std::vector<dataplane::Operation> others;
        for (const auto& service : desired_.services) {
            const auto* old = present.find(service.key);
            if (!old) {
                add_service(service, others);
                remove_rivals(service, others);
                continue;
            }
            const ServiceChange change(*old, service, desired_.departures.at(service.key));
            auto operations = change.operations();
            if (!operations.empty()) remove_rivals(service, operations);
            const bool first = change.removes_any() || change.gives_ports_up();
            for (auto& operation : operations)
                first ? add(std::move(operation)) : others.push_back(std::move(operation));
        }
        std::ranges::move(others, std::back_inserter(operations_));
    }

    static void add_service(const Service& service, std::vector<dataplane::Operation>& operations) {
        operations.emplace_back(dataplane::AddService{service.key, service.options});
        for (const auto& server : service.servers)
            operations.emplace_back(dataplane::AddServer{service.key, server});
    }

    /// Directly behind the service that takes their ports over, so that the data plane does both
    /// at once.
    void remove_rivals(const Service& service, std::vector<dataplane::Operation>& operations) {
        while (const auto rival = leaving_.take_rival_of(service))
            operations.emplace_back(dataplane::RemoveService{*rival});
    }

    void remove_services() {
        for (const auto& key : leaving_.rest())
            add(dataplane::RemoveService{key});
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
    LeavingServices leaving_;
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
