#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/bpf/testing/packet_path.h"

// What shoald writes into the maps for the options of a virtual server, for tests of the packet
// path alone.

namespace shoal::dataplane::testing {

/// 0 seconds: not persistent. `prefix` bits of a client's address count.
void set_persistence(PacketPath& path, std::uint32_t service, std::uint32_t seconds,
                     unsigned prefix = 32);

/// Packets to these ports of an address belong to the virtual server, unless another one has the
/// port by itself.
void add_ports(PacketPath& path, std::uint32_t service, const std::string& address,
               std::uint16_t first, std::uint16_t last, std::uint8_t protocol = 6);

/// A virtual server of a firewall mark: it has no address of its own.
std::uint32_t add_mark(PacketPath& path, std::uint32_t mark, shoal_scheduler scheduler);

/// An entry of the access lists, which the virtual server has from then on.
void add_access(PacketPath& path, std::uint32_t service, const std::string& address,
                unsigned prefix, bool allowed);

/// The persistence templates that are not over.
std::vector<const shoal_connection*> templates(const PacketPath& path);
/// The only one; throws if there are more or none.
shoal_connection& only_template(const PacketPath& path);

/// How many name a real server, as the packet path counts them.
std::uint64_t counted_templates(const PacketPath& path, std::uint32_t server);

/// Entries of ftp_controls.
std::vector<shoal_ftp_control> ftp_controls(const PacketPath& path);

}  // namespace shoal::dataplane::testing
