#pragma once

#include <string>

namespace shoal::dataplane {

/// While one lives, what libbpf would print in this thread is collected instead: the verifier's log
/// and the kernel's reasons. Outside of it libbpf is silent.
class LibbpfMessages {
  public:
    LibbpfMessages();
    ~LibbpfMessages();
    LibbpfMessages(const LibbpfMessages&) = delete;
    LibbpfMessages& operator=(const LibbpfMessages&) = delete;

    const std::string& text() const { return text_; }
    /// The kernel's extended acknowledgement, for instance "MTU too large"; empty if it gave none.
    std::string kernel_reason() const;
    /// The end of the text, at most `length` bytes, from the start of a line on.
    std::string tail(std::size_t length) const;

  private:
    std::string text_;
    std::string* previous_;
};

}  // namespace shoal::dataplane
