#pragma once

#include <cstring>
#include <type_traits>

namespace shoal::dataplane {

/// Options for libbpf, which refuses those whose padding is not zero: therefore made in place and
/// never copied.
template <class T>
struct LibbpfOptions : T {
    static_assert(std::is_trivially_copyable_v<T>);

    LibbpfOptions() {
        std::memset(static_cast<T*>(this), 0, sizeof(T));
        this->sz = sizeof(T);
    }
    LibbpfOptions(const LibbpfOptions&) = delete;
    LibbpfOptions& operator=(const LibbpfOptions&) = delete;
};

}  // namespace shoal::dataplane
