#include "base/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/descriptor_scope.h"
#include "base/file.h"

namespace shoal {

namespace {

Result<void> write_all(int descriptor, std::string_view content) {
    while (!content.empty()) {
        const auto written = ::write(descriptor, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail(system_error("writing", errno));
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<void> write_and_sync(const std::string& path, std::string_view content, int flags,
                            mode_t mode) {
    const DescriptorScope file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode));
    if (file.get() < 0) return fail(system_error("creating " + path, errno));
    if (fchmod(file.get(), mode) != 0) return fail(system_error("fchmod " + path, errno));
    if (auto written = write_all(file.get(), content); !written)
        return fail(written.error().within(path));
    if (fsync(file.get()) != 0) return fail(system_error("syncing " + path, errno));
    return {};
}

class LocalDisk final : public Disk {
  public:
    Result<std::string> read(const std::string& path, std::size_t longest) override {
        return read_file(path, longest);
    }

    Result<std::vector<std::string>> list(const std::string& directory) override {
        std::error_code error;
        std::vector<std::string> names;
        std::filesystem::directory_iterator entry(directory, error);
        for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
            names.push_back(entry->path().filename().string());
        if (error && error != std::errc::no_such_file_or_directory)
            return fail(system_error(directory, error.value()));
        std::ranges::sort(names);
        return names;
    }

    Result<void> make_directories(const std::string& directory) override {
        std::error_code error;
        std::filesystem::create_directories(directory, error);
        if (error) return fail(system_error("making " + directory, error.value()));
        return {};
    }

    Result<void> write(const std::string& path, std::string_view content, mode_t mode) override {
        return write_and_sync(path, content, O_TRUNC, mode);
    }

    Result<void> append(const std::string& path, std::string_view content, mode_t mode) override {
        return write_and_sync(path, content, O_APPEND, mode);
    }

    Result<void> rename(const std::string& from, const std::string& to) override {
        if (std::rename(from.c_str(), to.c_str()) != 0)
            return fail(system_error("renaming to " + to, errno));
        return {};
    }

    Result<void> remove(const std::string& path) override {
        if (unlink(path.c_str()) != 0) return fail(system_error("removing " + path, errno));
        return {};
    }

    Result<void> sync_directory(const std::string& directory) override {
        const DescriptorScope open_directory(
            open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (open_directory.get() < 0 || fsync(open_directory.get()) != 0)
            return fail(system_error("syncing " + directory, errno));
        return {};
    }
};

}  // namespace

Disk& local_disk() {
    static LocalDisk disk;
    return disk;
}

Result<void> replace_file(Disk& disk, const std::string& path, std::string_view content,
                          mode_t mode) {
    const std::filesystem::path place(path);
    // A name that nobody gives a file of his own.
    const auto beside =
        (place.parent_path() / ("." + place.filename().string() + ".shoal-new")).string();
    if (auto written = disk.write(beside, content, mode); !written) {
        // Nobody misses it, and the error that is told is the first one.
        [[maybe_unused]] const auto removed = disk.remove(beside);
        return written;
    }
    if (auto renamed = disk.rename(beside, path); !renamed) return renamed;
    const auto parent = place.parent_path();
    return disk.sync_directory(parent.empty() ? "." : parent.string());
}

}  // namespace shoal
