#include "start_up.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <iostream>

#include "base/clock.h"
#include "base/log.h"

namespace shoal {

Result<director::Beginning> begin(director::History& history) {
    auto beginning = history.begin(wall_clock_ms());
    if (beginning) return std::move(*beginning);
    const auto& wrong = beginning.error();
    log(Message::configuration_refused, "{}", wrong.message);
    std::cerr << config::render(wrong.problems, history.file(), wrong.text);
    return fail("there is no configuration to begin with");
}

void reload_at(boost::asio::signal_set& signals, director::Controller& controller) {
    signals.async_wait([&](const boost::system::error_code& error, int) {
        if (error) return;
        controller.reload({.user = "file"}, [&](const director::ChangeResult& result) {
            if (!result) log(Message::configuration_refused, "SIGHUP: {}", result.error().message);
            controller.note({.user = "file",
                             .from = "signal",
                             .what = "reload",
                             .result = result ? "done" : result.error().message});
        });
        reload_at(signals, controller);
    });
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
