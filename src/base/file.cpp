#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace shoal {

namespace {

/// Closes a file descriptor at the end of its scope.
class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return number_; }

  private:
    int number_;
};

Result<void> write_all(int descriptor, std::string_view content) {
    while (!content.empty()) {
        const auto written = write(descriptor, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail(system_error("writing", errno));
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<void> write_and_sync(const std::string& path, std::string_view content, mode_t mode) {
    const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (file.get() < 0) return fail(system_error("creating " + path, errno));
    if (fchmod(file.get(), mode) != 0) return fail(system_error("fchmod " + path, errno));
    if (auto written = write_all(file.get(), content); !written) return written;
    if (fsync(file.get()) != 0) return fail(system_error("syncing " + path, errno));
    return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t longest) {
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return fail(system_error(path, errno));
    std::string content;
    std::string piece(65536, '\0');
    for (;;) {
        const auto size = read(file.get(), piece.data(), piece.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return fail(system_error(path, errno));
        if (size == 0) return content;
        content.append(piece, 0, static_cast<std::size_t>(size));
        if (content.size() > longest) {
            return fail(path + ": longer than " + std::to_string(longest) + " bytes");
        }
    }
}

Result<void> write_file(const std::string& path, std::string_view content) {
    std::error_code error;
    const auto directory = std::filesystem::path(path).parent_path();
    if (!directory.empty()) std::filesystem::create_directories(directory, error);

    struct stat present{};
    const bool exists = stat(path.c_str(), &present) == 0;
    const auto mode = exists ? present.st_mode & 07777 : mode_t{0644};
    const auto beside = path + ".new";
    if (auto written = write_and_sync(beside, content, mode); !written) {
        unlink(beside.c_str());
        return written;
    }
    if (std::rename(beside.c_str(), path.c_str()) != 0) {
        return fail(system_error("renaming to " + path, errno));
    }
    const Descriptor parent(
        open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent.get() >= 0) fsync(parent.get());
    return {};
}

}  // namespace shoal
