#pragma once

#include <map>
#include <vector>

#include "abi.h"
#include "dataplane/dataplane.h"

// A virtual server's options as the maps hold them, and back. Pure.

namespace shoal::dataplane {

/// The prefixes of one access list, IPv4 without host bits; true: may open connections.
using AccessEntries = std::map<net::Prefix, bool>;

/// Everything but in_use and load_epoch. `hz`: kernel ticks a second.
shoal_service to_record(const ServiceKey& key, const ServiceOptions& options, __u32 hz);
/// A prefix of both lists is denied. Those of the other address family match no client.
AccessEntries to_access(const ServiceOptions& options);

ServiceKey key_of(const shoal_service& record);
/// `matches` is put in as it is.
ServiceOptions options_from(const shoal_service& record, const AccessEntries& access,
                            std::vector<MarkMatch> matches, __u32 hz);

/// The ports of each endpoint as the fewest ranges, in order.
std::vector<MarkMatch> merged(const std::vector<MarkMatch>& matches);

/// What options_from() gives for what is written: times in whole ticks, lists in order.
ServiceOptions as_held(const ServiceKey& key, const ServiceOptions& options, __u32 hz);

}  // namespace shoal::dataplane
