#pragma once

#include <unistd.h>

namespace shoal {

/// Closes a file descriptor at the end of its scope.
class DescriptorScope {
  public:
    explicit DescriptorScope(int number) : number_(number) {}
    ~DescriptorScope() {
        if (number_ >= 0) close(number_);
    }
    DescriptorScope(const DescriptorScope&) = delete;
    DescriptorScope& operator=(const DescriptorScope&) = delete;
    int get() const { return number_; }

  private:
    int number_;
};

}  // namespace shoal
