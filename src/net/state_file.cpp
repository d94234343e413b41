#include "net/state_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace shoal::net {
namespace {

constexpr auto replace_broken_text = nlohmann::json::error_handler_t::replace;

/// Writes everything and waits until it is on the disk. 0 or an errno.
int write_through(const std::filesystem::path& path, std::string_view text) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) return errno;
    int error = 0;
    while (!text.empty() && error == 0) {
        const auto written = write(file, text.data(), text.size());
        if (written < 0 && errno != EINTR) error = errno;
        if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
    }
    if (error == 0 && fsync(file) != 0) error = errno;
    close(file);
    return error;
}

/// A rename lasts once its folder is on the disk.
void sync_folder(const std::filesystem::path& folder) {
    const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return;
    fsync(file);
    close(file);
}

}  // namespace

StateFile::StateFile(std::filesystem::path path) : path_(std::move(path)) {
    if (!path_.has_parent_path()) path_ = "." / path_;
}

nlohmann::json StateFile::load() const {
    std::ifstream file(path_);
    if (file) {
        auto state = nlohmann::json::parse(file, nullptr, false);
        if (state.is_object()) return state;
    }
    return nlohmann::json::object();
}

Result<void> StateFile::store(const nlohmann::json& state) const {
    const auto doing = "writing " + path_.string();
    std::error_code error;
    if (state.empty()) {
        std::filesystem::remove(path_, error);
        if (error) return fail(system_error("removing " + path_.string(), error.value()));
        return {};
    }
    std::filesystem::create_directories(path_.parent_path(), error);
    if (error) return fail(system_error(doing, error.value()));
    const auto temporary = path_.string() + ".new";
    const auto text = state.dump(2, ' ', false, replace_broken_text) + "\n";
    if (const int reason = write_through(temporary, text); reason != 0) {
        return fail(system_error(doing, reason));
    }
    std::filesystem::rename(temporary, path_, error);
    if (error) return fail(system_error(doing, error.value()));
    sync_folder(path_.parent_path());
    return {};
}

}  // namespace shoal::net
