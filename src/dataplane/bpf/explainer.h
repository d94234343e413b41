#pragma once

#include <optional>

#include "base/result.h"
#include "dataplane/bpf/tables.h"
#include "dataplane/bpf/virtual_servers.h"
#include "dataplane/sight.h"

namespace shoal::dataplane {

/// Asks the packet path's own functions (bpf/explain.h, by the descriptor of its program) and puts
/// their answer into words. Changes nothing. Without a program (-1) it is the answer of a family
/// that has no virtual server.
Result<Explanation> explain(const Tables& tables, int program, VirtualServers& virtual_servers,
                            const PacketQuestion& question);

}  // namespace shoal::dataplane
