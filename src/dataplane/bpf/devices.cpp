#include "dataplane/bpf/devices.h"

#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "dataplane/bpf/descriptor.h"

namespace shoal::dataplane {

Result<Device> find_device(const std::string& name) {
    const unsigned index = ::if_nametoindex(name.c_str());
    if (index == 0) return fail(fmt::format("there is no device {}", name));
    return Device{static_cast<int>(index), name};
}

Result<std::vector<Device>> all_devices() {
    struct if_nameindex* const list = ::if_nameindex();
    if (list == nullptr) return fail(system_error("listing devices", errno));
    std::vector<Device> devices;
    for (const auto* it = list; it->if_index != 0; ++it) {
        devices.push_back({static_cast<int>(it->if_index), it->if_name});
    }
    ::if_freenameindex(list);
    return devices;
}

LinkProperties properties_of(const std::string& device) {
    const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    LinkProperties properties;
    ifreq request{};
    device.copy(&request.ifr_name[0], IFNAMSIZ - 1);
    if (::ioctl(socket.get(), SIOCGIFMTU, &request) == 0)
        properties.mtu = static_cast<std::uint32_t>(request.ifr_mtu);
    if (::ioctl(socket.get(), SIOCGIFHWADDR, &request) == 0)
        std::memcpy(properties.mac.data(), &request.ifr_hwaddr.sa_data[0], properties.mac.size());
    return properties;
}

std::string driver_of(const std::string& device) {
    const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ethtool_drvinfo information{};
    information.cmd = ETHTOOL_GDRVINFO;
    ifreq request{};
    device.copy(&request.ifr_name[0], IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(&information);
    if (::ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return {};
    return &information.driver[0];
}

bool has_good_native_xdp(std::string_view driver) {
    static constexpr auto drivers = std::to_array<std::string_view>(
        {"atlantic", "bnxt_en", "ena",   "enetc",   "gve",    "hv_netvsc", "i40e",      "ice",
         "igb",      "igc",     "ixgbe", "ixgbevf", "mana",   "mlx4_en",   "mlx5_core", "mvneta",
         "mvpp2",    "nfp",     "qede",  "sfc",     "stmmac", "virtio_net"});
    return std::ranges::binary_search(drivers, driver);
}

}  // namespace shoal::dataplane
