// shoal-run: runs the administrator's programs for shoald, without rights. The way of an order is
// programs/socket_runner (in shoald), run_server, local_runner, program.

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <optional>

#include "base/log.h"
#include "http/unix_socket.h"
#include "options.h"
#include "privileges.h"
#include "programs/descriptors.h"
#include "programs/local_runner.h"
#include "programs/run_server.h"

namespace shoal {
namespace {

/// Where orders come from: systemd's socket, or one of our own, whose file goes with this.
struct Listening {
    int descriptor = -1;
    std::optional<http::ListeningSocket> own;
};

Result<Listening> listen(const RunOptions& options) {
    const int given = sd_listen_fds(1);
    if (given < 0) return fail(system_error("taking systemd's socket", given));
    if (given > 1) return fail("systemd gave more than one socket");
    if (given == 1) {
        if (sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, nullptr, 0) <= 0)
            return fail("what systemd gave is no listening Unix socket");
        return Listening{SD_LISTEN_FDS_START, std::nullopt};
    }
    std::error_code error;
    const auto directory = std::filesystem::path(options.socket).parent_path();
    if (!directory.empty()) std::filesystem::create_directories(directory, error);
    auto own = http::ListeningSocket::open(options.socket, {});
    if (!own) return fail(own.error());
    const int descriptor = own->release_descriptor();
    return Listening{descriptor, std::move(*own)};
}

Result<std::set<uid_t>> allowed_users(const RunOptions& options) {
    std::set<uid_t> allowed{0};
    if (options.allow.empty()) return allowed;
    const auto user = user_id(options.allow);
    if (!user) return fail(user.error());
    allowed.insert(*user);
    return allowed;
}

Result<void> serve(const RunOptions& options) {
    auto allowed = allowed_users(options);
    if (!allowed) return fail(allowed.error());
    // Before root's rights are gone, who may raise the limit.
    const auto enough =
        programs::allow_descriptors(programs::descriptors_for(options.most_running));
    if (!enough) return fail(enough.error().within(fmt::format("--most {}", options.most_running)));
    auto listening = listen(options);
    if (!listening) return fail(listening.error());
    const auto user = drop_privileges(options.user);
    if (!user) return fail(user.error());

    boost::asio::io_context loop;
    boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
    signals.async_wait([&](const boost::system::error_code&, int) { loop.stop(); });
    programs::LocalRunner runner(loop, {.limits = {.memory = std::uint64_t{options.memory} << 20,
                                                   .processes = options.processes},
                                        .most_running = options.most_running});
    const programs::RunServer server(loop, listening->descriptor, std::move(*allowed), runner);
    log(Message::program_runner_started, "version {}, {}, programs run as {}", SHOAL_VERSION,
        listening->own ? options.socket : "socket of systemd", *user);
    loop.run();
    return {};
}

}  // namespace
}  // namespace shoal

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    const auto done = shoal::serve(shoal::parse_run_options(argc, argv));
    if (done) return 0;
    std::cerr << "shoal-run: " << done.error().message << "\n";
    return 1;
}
