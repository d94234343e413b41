#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "director/states_text.h"

// The file of administrative states: whatever it holds is refused, or means what is written of it.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto entries = shoal::director::parse_states({reinterpret_cast<const char*>(data), size});
    if (!entries) return 0;
    const auto again = shoal::director::parse_states(shoal::director::states_text(*entries));
    if (!again || *again != *entries) std::abort();
    return 0;
}
