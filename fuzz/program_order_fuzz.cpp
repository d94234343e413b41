// What comes over the socket between shoald and shoal-run, in both directions.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "programs/order_format.h"

namespace {

void read_one(std::string_view frame) {
    if (const auto order = shoal::programs::read_order(frame)) {
        // Whatever is taken can be said again, and then means the same.
        const auto again = shoal::programs::write_order(*order);
        if (!again) std::abort();
        const auto same = shoal::programs::read_order(std::string_view(*again).substr(4));
        if (!same || same->program.words != order->program.words) std::abort();
    }
    if (const auto answer = shoal::programs::read_answer(frame))
        shoal::programs::write_answer(*answer);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    read_one(input);
    shoal::programs::FrameReader reader;
    for (std::size_t at = 0; at < input.size(); at += 7) {
        reader.add(input.substr(at, 7));
        auto frame = reader.next();
        while (frame && *frame) {
            read_one(**frame);
            frame = reader.next();
        }
    }
    return 0;
}
