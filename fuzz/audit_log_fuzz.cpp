#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "director/audit_format.h"

// The audit log: whatever a line holds is refused, or means what is written of it. The checksum is
// put right here, since nothing else would ever get behind it.

namespace {

void expect_same(const shoal::director::AuditLink& link) {
    auto text = shoal::director::audit_line(link.record, link.previous).text;
    text.pop_back();
    const auto again = shoal::director::parse_audit_line(text);
    if (!again || again->record != link.record || again->previous != link.previous) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    shoal::director::AuditReading reading;
    shoal::director::read_audit(bytes, "audit.log", reading);
    const auto sealed =
        std::string(bytes) + ",\"hash\":\"" + shoal::sha256(std::string(bytes) + "}") + "\"}";
    if (const auto link = shoal::director::parse_audit_line(sealed)) expect_same(*link);
    return 0;
}
