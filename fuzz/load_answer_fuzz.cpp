// Any bytes as an answer of HTTP with a load in it: the value that is looked for, a line end, the
// answer.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "health/loads/load_answer.h"

namespace {

void check(const shoal::Result<double>& load) {
    if (load && !(*load >= 0 && *load <= shoal::health::greatest_load)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto value = bytes.substr(0, bytes.find('\n'));
    if (value.size() == bytes.size()) return 0;
    const auto answer = bytes.substr(value.size() + 1);
    check(shoal::health::read_load_text(answer, value));
    shoal::health::is_whole_http(answer);
    const auto body = shoal::health::http_body(answer);
    if (!body) return 0;
    if (body->size() > answer.size()) std::abort();
    check(shoal::health::read_load_text(*body, value));
    return 0;
}
