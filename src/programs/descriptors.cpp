#include "programs/descriptors.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>

namespace shoal::programs {

std::size_t descriptors_for(std::size_t programs) {
    // Output, complaints, and why it could not be started.
    constexpr std::size_t of_each = 3;
    // Sockets, and the pipes' other ends while one is started.
    constexpr std::size_t others = 64;
    return programs * of_each + others;
}

Result<void> allow_descriptors(std::size_t needed) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return fail(system_error("reading the limit of open files", errno));
    if (limit.rlim_cur >= needed) return {};
    const rlimit wanted{needed, std::max<rlim_t>(limit.rlim_max, needed)};
    if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) return {};
    return fail(
        fmt::format("{} open files are needed, and {} are allowed (ulimit -n, or "
                    "LimitNOFILE= of its unit)",
                    needed, limit.rlim_max));
}

}  // namespace shoal::programs
