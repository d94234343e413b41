#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/descriptor_scope.h"
#include "base/disk.h"

namespace shoal {

Result<std::string> read_file(const std::string& path, std::size_t longest) {
    const DescriptorScope file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
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
    const auto directory = std::filesystem::path(path).parent_path();
    if (!directory.empty()) {
        if (auto made = local_disk().make_directories(directory.string()); !made) return made;
    }
    struct stat present{};
    const bool exists = stat(path.c_str(), &present) == 0;
    return replace_file(local_disk(), path, content,
                        exists ? present.st_mode & 07777 : mode_t{0644});
}

}  // namespace shoal
