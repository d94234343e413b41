#include "dataplane/bpf/pin_directory.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>

namespace shoal::dataplane {

namespace fs = std::filesystem;

namespace {

bool on_bpf_file_system(const fs::path& path) {
    struct statfs status{};
    return ::statfs(path.c_str(), &status) == 0 && status.f_type == BPF_FS_MAGIC;
}

Result<void> checked(const std::error_code& code, const std::string& doing) {
    if (code) return fail(fmt::format("{}: {}", doing, code.message()));
    return {};
}

}  // namespace

Result<PinDirectory> PinDirectory::open(const fs::path& path) {
    std::error_code ignored;
    const fs::path root = fs::exists(path, ignored) ? path : path.parent_path();
    if (!on_bpf_file_system(root)) {
        return fail(fmt::format("{} is not on a BPF file system; mount one: mount -t bpf bpf {}",
                                path.string(), path.parent_path().string()));
    }
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return fail(system_error("making " + path.string(), errno));
    }
    return PinDirectory(path);
}

Result<Descriptor> PinDirectory::get(const std::string& name) const {
    const int fd = bpf_obj_get((path_ / name).c_str());
    if (fd >= 0) return Descriptor(fd);
    if (errno == ENOENT) return Descriptor();
    return fail(system_error("opening " + (path_ / name).string(), errno));
}

Result<void> PinDirectory::pin(const std::string& name, int fd) const {
    if (bpf_obj_pin(fd, (path_ / name).c_str()) == 0) return {};
    return fail(system_error("pinning " + (path_ / name).string(), errno));
}

Result<void> PinDirectory::make_directory(const std::string& name) const {
    if (::mkdir((path_ / name).c_str(), 0700) == 0 || errno == EEXIST) return {};
    return fail(system_error("making " + (path_ / name).string(), errno));
}

Result<void> PinDirectory::rename(const std::string& from, const std::string& to) const {
    std::error_code code;
    fs::rename(path_ / from, path_ / to, code);
    return checked(code, "renaming " + (path_ / from).string());
}

Result<void> PinDirectory::unpin(const std::string& name) const {
    std::error_code code;
    fs::remove(path_ / name, code);
    return checked(code, "unpinning " + (path_ / name).string());
}

std::vector<std::string> PinDirectory::names() const {
    std::vector<std::string> found;
    std::error_code code;
    for (fs::directory_iterator it(path_, code), end; !code && it != end; it.increment(code)) {
        found.push_back(it->path().filename());
    }
    return found;
}

Result<void> PinDirectory::remove_tree(const std::string& name) const {
    std::error_code code;
    fs::remove_all(path_ / name, code);
    return checked(code, "unpinning " + (path_ / name).string());
}

Result<void> PinDirectory::remove_if_unused() const {
    std::error_code code;
    fs::remove(path_, code);
    if (code == std::errc::directory_not_empty || code == std::errc::device_or_resource_busy) {
        return {};
    }
    return checked(code, "removing " + path_.string());
}

}  // namespace shoal::dataplane
