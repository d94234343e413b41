#pragma once

#include <bpf/libbpf.h>

#include <memory>
#include <vector>

#include "dataplane/bpf/descriptor.h"
#include "dataplane/bpf/tables.h"
#include "dataplane/dataplane.h"

namespace shoal::dataplane {

/// The reading end of bpf/signals.h.
class SignalReader {
  public:
    /// Fails where the kernel has no descriptors left.
    static Result<std::unique_ptr<SignalReader>> open();
    SignalReader(const SignalReader&) = delete;
    SignalReader& operator=(const SignalReader&) = delete;

    /// From now on those of the programs of these tables, which outlive it, or the next call.
    void read_from(const Tables& tables);
    /// Readable while there are signals; stays the same for ever.
    int descriptor() const { return epoll_.get(); }
    std::vector<Signal> take();

  private:
    explicit SignalReader(Descriptor epoll) : epoll_(std::move(epoll)) {}
    static int collect(void* self, void* data, std::size_t size);

    struct FreeRing {
        void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
    };

    const Tables* tables_ = nullptr;
    Descriptor epoll_;
    std::unique_ptr<ring_buffer, FreeRing> ring_;
    std::vector<Signal> taken_;
};

}  // namespace shoal::dataplane
