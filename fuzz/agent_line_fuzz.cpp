// Any bytes as what an agent says.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "health/loads/agent_line.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto line =
        shoal::health::read_agent_line(std::string_view(reinterpret_cast<const char*>(data), size));
    if (line && !line->percent && !line->wish && !line->up &&
        std::string_view(reinterpret_cast<const char*>(data), size).find(':') ==
            std::string_view::npos)
        std::abort();
    return 0;
}
