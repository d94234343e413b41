#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/configuration.h"
#include "model/schema.h"

// What is different between two configurations, setting by setting.

namespace shoal::config {

struct PathStep {
    /// As the file writes it: "virtual_server", "weight".
    std::string_view key;
    /// Of a table of a list: its name; a mark rule's is "80 tcp 192.0.2.80". Else empty.
    std::string name{};
    bool operator==(const PathStep&) const = default;
};
using Path = std::vector<PathStep>;
/// `virtual_server "web" / real_server "web-2" / weight`
std::string to_string(const Path& path);

enum class DifferenceKind {
    changed,
    added,
    removed,
    /// A virtual server or real server of another name and the same address, port and protocol.
    renamed,
    /// The same tables in another order; `path` names their list.
    reordered,
};

/// Whose setting it is. Null where there is none, or where it is not in this configuration.
struct Subject {
    const model::VirtualServer* service_before = nullptr;
    const model::VirtualServer* service_after = nullptr;
    const model::RealServer* server_before = nullptr;
    const model::RealServer* server_after = nullptr;
};

struct Difference {
    DifferenceKind kind = DifferenceKind::changed;
    /// With the new names.
    Path path;
    /// In words, whole; of tables that came or went, and of orders, empty.
    std::string before;
    std::string after;
    /// Of the setting or of the list. A constant of the schema.
    const model::Description* setting;
    /// Of both configurations.
    Subject subject;
};

/// In the order of the new configuration, what is only in the old one at the end of its list.
/// Tables of lists belong together by their names, and then by the addresses of what was renamed.
/// Both configurations must outlive the answer.
std::vector<Difference> differences(const model::Configuration& before,
                                    const model::Configuration& after);

}  // namespace shoal::config
