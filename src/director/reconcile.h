#pragma once

#include <string>
#include <variant>
#include <vector>

#include "dataplane/dataplane.h"
#include "director/desired_state.h"
#include "redundancy/floating_addresses.h"

namespace shoal::director {

/// What the kernel holds.
struct ObservedState {
    dataplane::State dataplane;
    std::vector<redundancy::FloatingAddress> addresses;
};

struct AddAddress {
    redundancy::FloatingAddress address;
    bool operator==(const AddAddress&) const = default;
};
struct RemoveAddress {
    redundancy::FloatingAddress address;
    bool operator==(const RemoveAddress&) const = default;
};
using Operation = std::variant<dataplane::Operation, AddAddress, RemoveAddress>;
std::string to_string(const Operation& operation);

/// The operations that turn `observed` into `desired`, in an order that is safe at each step: an
/// address appears only after its services and hooks, and goes before them, so that no packet of a
/// virtual server meets the local stack. Pure; serves start-up, edits, failures and self-checks.
std::vector<Operation> reconcile(const DesiredState& desired, const ObservedState& observed);

}  // namespace shoal::director
