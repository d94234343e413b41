#pragma once

#include <memory>
#include <thread>

#include "base/result.h"
#include "dataplane/bpf/descriptor.h"
#include "dataplane/bpf/devices.h"
#include "dataplane/bpf/held_fragments.h"

namespace shoal::dataplane {

/// Holds fragments that overtook the first one of their datagram. The packet path sends them out by
/// a TAP device of this object, a thread of its own brings them back the same way once the first
/// one has passed by, and the packet path on that device sends them on. Whatever is wrong here
/// costs early fragments alone.
class FragmentHolder {
  public:
    /// What `shoal status` and the reconciler do not take for a device to serve clients on.
    static constexpr const char* device_name = "shoal-fragments";

    /// Makes the device in the network namespace of the calling thread; it goes with this object.
    static Result<std::unique_ptr<FragmentHolder>> start(HeldFragments::IsKnown is_known);
    ~FragmentHolder();
    FragmentHolder(const FragmentHolder&) = delete;
    FragmentHolder& operator=(const FragmentHolder&) = delete;

    const Device& device() const { return device_; }

  private:
    FragmentHolder(Descriptor tap, Descriptor stop, Device device, HeldFragments::IsKnown is_known);
    void run();
    /// False once it is to end.
    bool wait() const;
    void receive();
    void send_back();

    Descriptor tap_;
    Descriptor stop_;
    Device device_;
    HeldFragments::IsKnown is_known_;
    HeldFragments held_;
    std::jthread thread_;
};

}  // namespace shoal::dataplane
