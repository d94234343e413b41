#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/keepalived/check.h"
#include "config/keepalived/remarks.h"
#include "model/configuration.h"

// What the parts of an import share.

namespace shoal::config::keepalived {

/// An address that a VRRP instance, or static_ipaddress, puts on a device.
struct KnownAddress {
    net::Prefix address;
    model::DeviceLabel device;
};

/// One address of a virtual_server_group, or one firewall mark.
struct GroupMember {
    Place place;
    net::Address address;
    std::uint16_t port = 0;
    std::optional<std::uint32_t> mark;
    /// Of a mark, where it is said.
    std::optional<bool> v6;
};

/// Which mails keepalived sends; unset: as it does by itself.
struct Mails {
    Place place;
    std::vector<std::string> to;
    std::string from;
    std::string relay;
    std::optional<bool> all;
    std::optional<bool> of_checks;
    bool none_of_checks = false;
};

struct Context {
    Remarks& remarks;
    model::Configuration configuration{};
    TlsFiles tls{};
    Mails mails{};
    std::uint16_t vrrp_version = 2;
    /// For addresses that nothing puts on a device.
    std::optional<std::string> default_device{};
    /// In the order of the file.
    std::vector<KnownAddress> addresses{};
    std::map<std::string, std::vector<GroupMember>, std::less<>> groups{};

    // Where the tables of the configuration come from.
    std::vector<Place> service_places{};
    /// Of each virtual server.
    std::vector<std::vector<Place>> server_places{};
    std::vector<Place> mark_places{};
    std::vector<Place> notification_places{};
    std::vector<Place> instance_places{};
    /// Virtual servers whose quorum is told by mail.
    std::vector<std::string> told_by_mail{};
};

/// `wanted`, or with a number behind it where `names` has that: one more in `names`.
std::string unique_name(std::string_view wanted, std::set<std::string, std::less<>>& names);

}  // namespace shoal::config::keepalived
