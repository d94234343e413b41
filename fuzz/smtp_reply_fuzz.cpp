// What an SMTP relay may answer to a notification, in pieces of any length.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "telemetry/smtp_dialogue.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t piece = 1 + data[0] % 64;
    std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    shoal::telemetry::SmtpDialogue dialogue(
        {.from = "a@b", .to = {"c@d", "e@f"}, .message = "x\r\n"}, "director");
    bool over = false;
    while (!input.empty()) {
        const auto step = dialogue.received(input.substr(0, piece));
        input.remove_prefix(std::min(piece, input.size()));
        // Once it is over, nothing more is said.
        if (over && (!step.send.empty() || step.result)) std::abort();
        over = over || step.result;
        if (!step.send.empty() && !step.send.ends_with("\r\n")) std::abort();
    }
    return 0;
}
