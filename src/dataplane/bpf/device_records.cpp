#include "dataplane/bpf/device_records.h"

#include <algorithm>
#include <cstring>

#include "dataplane/bpf/devices.h"
#include "dataplane/bpf/tables.h"

namespace shoal::dataplane {

namespace {

/// What surely lies in one buffer, for devices that take no more than one.
constexpr std::uint32_t one_buffer = 1500;

shoal_device record_of(const Device& device, const Hook& hook) {
    const LinkProperties link = properties_of(device.name);
    shoal_device record{};
    record.interface = static_cast<__u32>(device.index);
    record.mtu = longest_from_xdp(xdp_features(device.index), driver_of(device.name), link.mtu,
                                  hook.attached == model::HookChoice::xdp);
    std::ranges::copy(link.mac, &record.mac[0]);
    return record;
}

/// While it changes, the device takes nothing.
void replace(shoal_device& record, const shoal_device& now) {
    if (std::memcmp(&record, &now, sizeof now) == 0) return;
    store_shared(record.mtu, 0U);
    std::memcpy(&record.mac[0], &now.mac[0], sizeof now.mac);
    store_shared(record.interface, now.interface);
    store_shared(record.mtu, now.mtu);
}

}  // namespace

std::uint32_t longest_from_xdp(XdpFeatures features, const std::string& driver, std::uint32_t mtu,
                               bool native) {
    if (features.known && !features.takes_frames) return 0;
    // Linux before 6.3 does not tell. A veth takes frames only where its peer polls; cards do
    // where they run XDP themselves.
    if (!features.known && !(native && has_good_native_xdp(driver))) return 0;
    return features.takes_fragments ? mtu : std::min(mtu, one_buffer);
}

void DeviceRecords::refresh(const std::map<std::string, Hook>& hooks) const {
    std::map<std::uint32_t, shoal_device> wanted;
    for (const auto& [name, hook] : hooks) {
        const auto device = find_device(name);
        if (!device) continue;
        // Of two that share a place the first has it; the other's packets go up to tc.
        wanted.emplace(static_cast<std::uint32_t>(device->index) % SHOAL_MAX_DEVICES,
                       record_of(*device, hook));
    }
    for (std::uint32_t place = 0; place < records_.size(); ++place) {
        const auto found = wanted.find(place);
        replace(records_[place], found == wanted.end() ? shoal_device{} : found->second);
    }
}

void DeviceRecords::forget() const {
    for (std::uint32_t place = 0; place < records_.size(); ++place)
        store_shared(records_[place].mtu, 0U);
}

}  // namespace shoal::dataplane
