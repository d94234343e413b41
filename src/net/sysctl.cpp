#include "net/sysctl.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ranges>

#include "net/netlink.h"

namespace shoal::net {
namespace {

/// sysctl(8): dots separate, slashes stand for dots; in the file system it is the other way round.
std::string swap_dots_and_slashes(std::string_view name) {
    std::string swapped(name);
    for (char& letter : swapped) {
        if (letter == '.') {
            letter = '/';
        } else if (letter == '/') {
            letter = '.';
        }
    }
    return swapped;
}

/// Unset for a name that would lead out of /proc/sys/net.
std::optional<std::string> path_of(std::string_view name) {
    const auto path = "/" + swap_dots_and_slashes(name);
    const bool wanders = path.find("/../") != std::string::npos || path.ends_with("/..");
    if (wanders || !path.starts_with("/net/") || path.find('\0') != std::string::npos) {
        return std::nullopt;
    }
    return "/proc/sys" + path;
}

Result<int> open_sysctl(std::string_view name, int flags) {
    const auto path = path_of(name);
    if (!path) return fail(fmt::format("\"{}\" is not the name of a network setting", name));
    const int file = open(path->c_str(), flags | O_CLOEXEC);
    if (file < 0 && errno != ENOENT) return fail(system_error(std::string(name), errno));
    return file;
}

/// One remembered change.
struct Change {
    std::string name;
    int before = 0;
    int after = 0;
};

std::vector<Change> load_changes(const nlohmann::json& state) {
    std::vector<Change> changes;
    const auto list = state.find("sysctls");
    if (list == state.end() || !list->is_array()) return changes;
    for (const auto& entry : *list) {
        if (!entry.is_object()) continue;
        const auto name = entry.find("name");
        const auto before = entry.find("before");
        const auto after = entry.find("after");
        const auto end = entry.end();
        if (name == end || before == end || after == end || !name->is_string() ||
            !before->is_number_integer() || !after->is_number_integer()) {
            continue;
        }
        changes.push_back({name->get<std::string>(), before->get<int>(), after->get<int>()});
    }
    return changes;
}

Result<void> store_changes(const StateFile& file, nlohmann::json state,
                           const std::vector<Change>& changes) {
    auto list = nlohmann::json::array();
    for (const auto& change : changes) {
        list.push_back({{"name", change.name}, {"before", change.before}, {"after", change.after}});
    }
    if (list.empty()) {
        state.erase("sysctls");
    } else {
        state["sysctls"] = std::move(list);
    }
    return file.store(state);
}

Result<void> restore(const Change& change) {
    const auto now = read_sysctl(change.name);
    if (!now) return fail(now.error());
    if (!*now || **now != change.after) return {};
    return write_sysctl(change.name, change.before);
}

/// The settings of several devices, read once each; remembers the first error.
class Reader {
  public:
    /// 0 where the setting does not exist.
    int value(const std::string& name) { return read(name).value_or(0); }
    std::optional<int> read(const std::string& name) {
        auto result = read_sysctl(name);
        if (result) return *result;
        if (!error_) error_ = std::move(result.error());
        return std::nullopt;
    }
    const std::optional<Error>& error() const { return error_; }

  private:
    std::optional<Error> error_;
};

constexpr const char* ipv6_forwarding = "net.ipv6.conf.all.forwarding";
constexpr std::string_view accept_ra = ".accept_ra";

/// `all` switches it on for all devices, `device_name` names that of one of them.
void check_forwarding(Reader& reader, const DirectorUse& use, const std::string& all,
                      std::string (*device_name)(std::string_view, std::string_view),
                      std::vector<WrongSysctl>& wrong) {
    if (reader.read(all) == 0) {
        std::vector<std::string> before;
        for (const auto& other : wrong)
            if (other.name.ends_with(accept_ra)) before.push_back(other.name);
        wrong.push_back({all, 0, 1,
                         "this director is the NAT real servers' way out, and the kernel forwards "
                         "nothing: their own traffic (name service, updates) ends here",
                         std::move(before)});
        // The devices follow when it is set.
        return;
    }
    std::set<std::string> devices = use.client_devices;
    devices.insert(use.server_devices.begin(), use.server_devices.end());
    for (const auto& device : devices) {
        const auto name = device_name(device, "forwarding");
        if (reader.read(name) != 0) continue;
        wrong.push_back({name, 0, 1,
                         fmt::format("forwarding is switched off on {} alone: the NAT real "
                                     "servers' own traffic ends here",
                                     device)});
    }
}

/// Those that have routes which routers advertised.
Result<std::set<std::string>> advertised_devices() {
    auto netlink = Netlink::open();
    if (!netlink) return fail(netlink.error());
    const auto interfaces = netlink->advertised_route_interfaces();
    if (!interfaces) return fail(interfaces.error());
    std::set<std::string> devices;
    if (interfaces->empty()) return devices;
    const auto links = netlink->links();
    if (!links) return fail(links.error());
    for (const auto& link : *links)
        if (interfaces->contains(link.index)) devices.insert(link.name);
    return devices;
}

/// Before it forwards: then the kernel drops what routers advertised, on every device.
Result<void> check_advertisements(Reader& reader, std::vector<WrongSysctl>& wrong) {
    if (reader.read(ipv6_forwarding) != 0) return {};
    const auto devices = advertised_devices();
    if (!devices) return fail(devices.error());
    for (const auto& device : *devices) {
        const auto name = ipv6_device_sysctl(device, accept_ra.substr(1));
        if (reader.read(name) != 1) continue;
        wrong.push_back({name, 1, 2,
                         fmt::format("once this director forwards, the kernel takes the routes "
                                     "away that routers advertise on {}, the default route too",
                                     device)});
    }
    return {};
}

void check_reverse_path(Reader& reader, const DirectorUse& use, std::vector<WrongSysctl>& wrong) {
    if (!use.direct) return;
    const int all = reader.value(ipv4_device_sysctl("all", "rp_filter"));
    for (const auto& device : use.server_devices) {
        const auto name = ipv4_device_sysctl(device, "rp_filter");
        const auto value = reader.read(name);
        // The larger one holds; 1 is strict, 2 is loose.
        if (!value || std::max(all, *value) != 1) continue;
        wrong.push_back({name, *value, 2,
                         fmt::format("the reverse path filter of {} is strict (the larger of all "
                                     "and {} holds): answers of direct routing real servers whose "
                                     "way out leads through this director are dropped",
                                     device, device)});
    }
}

void check_redirects(Reader& reader, const DirectorUse& use, std::vector<WrongSysctl>& wrong) {
    if (!use.nat) return;
    std::vector<std::string> shared;
    std::ranges::set_intersection(use.client_devices, use.server_devices,
                                  std::back_inserter(shared));
    // Either of the two switches it on.
    if (!shared.empty()) shared.insert(shared.begin(), "all");
    for (const auto& device : shared) {
        const auto name = ipv4_device_sysctl(device, "send_redirects");
        const int value = reader.value(name);
        if (value == 0) continue;
        wrong.push_back({name, value, 0,
                         "clients and NAT real servers share a network: a redirect teaches the "
                         "real servers to answer past this director, and connections break"});
    }
}

}  // namespace

std::string ipv4_device_sysctl(std::string_view device, std::string_view setting) {
    return fmt::format("net.ipv4.conf.{}.{}", swap_dots_and_slashes(device), setting);
}

std::string ipv6_device_sysctl(std::string_view device, std::string_view setting) {
    return fmt::format("net.ipv6.conf.{}.{}", swap_dots_and_slashes(device), setting);
}

Result<std::optional<int>> read_sysctl(std::string_view name) {
    const auto file = open_sysctl(name, O_RDONLY);
    if (!file) return fail(file.error());
    if (*file < 0) return std::nullopt;
    std::array<char, 32> text{};
    const auto size = read(*file, text.data(), text.size());
    const int reason = errno;
    close(*file);
    if (size < 0) return fail(system_error("reading " + std::string(name), reason));
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + size, value);
    if (error != std::errc{}) return fail(fmt::format("{} does not hold a number", name));
    return value;
}

Result<void> write_sysctl(std::string_view name, int value) {
    const auto doing = fmt::format("setting {} = {}", name, value);
    const auto file = open_sysctl(name, O_WRONLY);
    if (!file) return fail(file.error().within(doing));
    if (*file < 0) return fail(system_error(doing, ENOENT));
    const auto text = std::to_string(value);
    const auto written = write(*file, text.data(), text.size());
    const int reason = errno;
    close(*file);
    if (written < 0) return fail(system_error(doing, reason));
    return {};
}

Result<void> change_sysctl(const StateFile& file, std::string_view name, int value) {
    const auto now = read_sysctl(name);
    if (!now) return fail(now.error());
    if (!*now) return fail(fmt::format("there is no setting {}", name));
    if (**now == value) return {};
    auto state = file.load();
    auto changes = load_changes(state);
    const auto known = std::ranges::find(changes, name, &Change::name);
    if (known != changes.end()) {
        known->after = value;
    } else {
        changes.push_back({std::string(name), **now, value});
    }
    // First the memory, then the deed: a crash between them loses nothing.
    if (auto stored = store_changes(file, std::move(state), changes); !stored) return stored;
    return write_sysctl(name, value);
}

Result<void> restore_sysctls(const StateFile& file) {
    auto state = file.load();
    auto changes = load_changes(state);
    std::vector<Change> failed;
    Result<void> outcome;
    for (const auto& change : std::views::reverse(changes)) {
        auto restored = restore(change);
        if (restored) continue;
        if (outcome) outcome = std::move(restored);
        failed.insert(failed.begin(), change);
    }
    auto stored = store_changes(file, std::move(state), failed);
    return outcome ? stored : outcome;
}

Result<std::vector<WrongSysctl>> wrong_sysctls(const DirectorUse& use) {
    Reader reader;
    std::vector<WrongSysctl> wrong;
    if (use.nat) check_forwarding(reader, use, "net.ipv4.ip_forward", ipv4_device_sysctl, wrong);
    if (use.nat_v6) {
        if (auto done = check_advertisements(reader, wrong); !done) return fail(done.error());
        check_forwarding(reader, use, ipv6_forwarding, ipv6_device_sysctl, wrong);
    }
    check_reverse_path(reader, use, wrong);
    check_redirects(reader, use, wrong);
    if (reader.error()) return fail(*reader.error());
    return wrong;
}

}  // namespace shoal::net
