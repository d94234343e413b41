#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "director/loads_text.h"

// The file of what is remembered of loads: whatever it holds is refused, or means what is written
// of it.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto memories = shoal::director::parse_loads({reinterpret_cast<const char*>(data), size});
    if (!memories) return 0;
    const auto again = shoal::director::parse_loads(shoal::director::loads_text(*memories));
    if (!again || *again != *memories) std::abort();
    return 0;
}
