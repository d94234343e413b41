#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "dataplane/bpf/descriptor.h"

namespace shoal::dataplane {

/// The programs of bpf/check_way.h of one address family, and the maps that both families share.
struct CheckPrograms {
    Descriptor out;
    Descriptor in;
    Descriptor checks;
    Descriptor flows;
};

/// `family` is 4 or 6; `sharing`, where it is not null, lends its maps.
Result<CheckPrograms> load_check_programs(std::uint32_t family, const CheckPrograms* sharing);

}  // namespace shoal::dataplane
