#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/lvs_cf/lvs_cf.h"

// An lvs.cf: whatever it holds is refused, or means the same when it is written and read again.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto import = shoal::config::import_lvs_cf({reinterpret_cast<const char*>(data), size});
    if (!import) return 0;
    const auto written = shoal::config::to_lvs_cf(import->configuration);
    const auto again = shoal::config::import_lvs_cf(written.text);
    if (again && shoal::config::to_lvs_cf(again->configuration).text != written.text) std::abort();
    return 0;
}
