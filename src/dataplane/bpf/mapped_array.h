#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/result.h"

namespace shoal::dataplane {

/// The elements of an ARRAY map with BPF_F_MMAPABLE in this process's memory, shared with the
/// packet path.
template <class T>
class MappedArray {
  public:
    MappedArray() = default;
    MappedArray(MappedArray&& other) noexcept { swap(other); }
    MappedArray& operator=(MappedArray&& other) noexcept {
        swap(other);
        return *this;
    }
    ~MappedArray() {
        if (base_ != nullptr) ::munmap(base_, length());
    }

    static Result<MappedArray> map(int fd, std::uint32_t entries) {
        MappedArray array;
        array.entries_ = entries;
        void* base = ::mmap(nullptr, array.length(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (base == MAP_FAILED) return fail(system_error("mapping a BPF array", errno));
        array.base_ = static_cast<std::byte*>(base);
        return array;
    }

    std::uint32_t size() const { return entries_; }
    T& operator[](std::uint32_t index) const {
        return *reinterpret_cast<T*>(base_ + std::size_t{index} * stride);
    }

  private:
    /// The kernel rounds the size of an array's elements up to 8 bytes.
    static constexpr std::size_t stride = (sizeof(T) + 7) / 8 * 8;

    std::size_t length() const { return std::size_t{entries_} * stride; }
    void swap(MappedArray& other) noexcept {
        std::swap(base_, other.base_);
        std::swap(entries_, other.entries_);
    }

    std::byte* base_ = nullptr;
    std::uint32_t entries_ = 0;
};

}  // namespace shoal::dataplane
