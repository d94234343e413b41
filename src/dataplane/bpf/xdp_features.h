#pragma once

namespace shoal::dataplane {

/// What the kernel says a device can do with frames that XDP programs send to it.
struct XdpFeatures {
    /// Linux 6.3 and newer tell; then the rest holds.
    bool known = false;
    bool takes_frames = false;
    /// Also those of more than one buffer.
    bool takes_fragments = false;
};

XdpFeatures xdp_features(int device_index);

}  // namespace shoal::dataplane
