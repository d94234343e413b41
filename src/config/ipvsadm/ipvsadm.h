#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "config/import.h"

// What ipvsadm and iptables print of their rules.

namespace shoal::config {

/// Reads the output of `ipvsadm -S` or `ipvsadm -Sn`. Names of machines are not looked up. The
/// configuration is valid; its devices, of which ipvsadm does not know, are to be written by hand.
Imported import_ipvsadm(std::string_view text);

/// Reads the rules of `iptables-save` and `ip6tables-save` that set marks, as [[mark]] tables. They
/// are a part of a configuration, for virtual servers that have these marks.
Imported import_iptables(std::string_view text);

}  // namespace shoal::config
