#include "start_up.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <iostream>

#include "base/file.h"
#include "base/log.h"
#include "config/toml_reader.h"

namespace shoal {

std::optional<model::Configuration> load_configuration(const std::string& path) {
    const auto text = read_file(path, config::max_file_size);
    if (!text) {
        log(Message::configuration_refused, "{}", text.error().message);
        return std::nullopt;
    }
    // A device that comes up later than shoald is no reason not to serve on the others.
    auto configuration = config::read_toml(*text, {});
    if (configuration) return std::move(*configuration);
    log(Message::configuration_refused, "{}: {} problems", path, configuration.error().size());
    std::cerr << config::render(configuration.error(), path, *text);
    return std::nullopt;
}

void allow_many_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

Result<void> make_socket_directory(const std::string& socket) {
    const auto directory = std::filesystem::path(socket).parent_path();
    std::error_code error;
    if (!directory.empty()) std::filesystem::create_directories(directory, error);
    if (error) return fail(directory.string() + ": " + error.message());
    return {};
}

Result<void> make_state_directory(const std::string& directory) {
    std::error_code error;
    if (std::filesystem::is_directory(directory, error)) return {};
    const auto parent = std::filesystem::path(directory).parent_path();
    if (!parent.empty()) std::filesystem::create_directories(parent, error);
    if (error) return fail(directory + ": " + error.message());
    if (::mkdir(directory.c_str(), 0700) != 0) return fail(system_error(directory, errno));
    return {};
}

}  // namespace shoal
