// shoald: wiring only. The way of a setting begins in director/controller.cpp, the way of a packet
// in bpf/director.h.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>

#include "api/api.h"
#include "base/log.h"
#include "dataplane/bpf/bpf_dataplane.h"
#include "director/controller.h"
#include "director/history.h"
#include "http/server.h"
#include "http/unix_socket.h"
#include "http/web_client.h"
#include "net/netlink.h"
#include "options.h"
#include "programs/socket_runner.h"
#include "start_up.h"
#include "telemetry/delivery.h"
#include "telemetry/notifier.h"

namespace shoal {
namespace {

Result<void> serve(const DaemonOptions& options, net::Netlink netlink) {
    if (auto made = make_socket_directory(options.socket); !made) return made;
    // What is to be remembered is tried again when it comes; nobody is to go unchecked for it.
    if (auto made = make_state_directory(options.state_directory); !made)
        log(Message::operation_failed, "{}", made.error().message);
    const auto operators = http::group_id("shoal");
    // First of all: whoever holds the socket is the one shoald of this data plane.
    auto socket = http::ListeningSocket::open(options.socket, operators);
    if (!socket) return fail(socket.error());
    director::History history(local_disk(), options.state_directory, options.configuration_file);
    auto beginning = begin(history);
    if (!beginning) return fail(beginning.error());
    const auto& configuration = beginning->configuration;
    auto dataplane =
        dataplane::BpfDataplane::open({.pin_directory = options.pin_directory,
                                       .table_size = configuration.global.table_size,
                                       .virtual_servers = configuration.virtual_servers.size(),
                                       .real_servers = model::count_real_servers(configuration),
                                       .hold_fragments = true});
    if (!dataplane) return fail(dataplane.error());
    const bool adopted = (*dataplane)->adopted();

    // Never destroyed: that would wait for names that are looked up for webhooks and mail, which
    // takes as long as the name servers are silent.
    static auto& loop = *new boost::asio::io_context;
    boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
    signals.async_wait([&](const boost::system::error_code& error, int) {
        if (error) return;  // cancelled by `shoal stop`
        log(Message::director_stopping, "the data plane works on");
        loop.stop();
    });
    programs::SocketRunner programs(loop, options.run_socket);
    http::WebClient web(loop);
    telemetry::Notifier notifier(loop, [&](const model::Notification& notification) {
        return telemetry::deliveries_of(notification, {loop, programs, web});
    });
    director::AuditLog audit(local_disk(), options.state_directory + "/audit");
    http::Server* running = nullptr;
    bool withdrawn = false;
    director::Controller controller(loop,
                                    {.history = &history,
                                     .state_directory = options.state_directory,
                                     .runtime_directory = options.runtime_directory,
                                     .version = SHOAL_VERSION,
                                     .programs = &programs,
                                     .notifier = &notifier,
                                     .audit = &audit},
                                    std::move(netlink), std::move(*dataplane), [&] {
                                        withdrawn = true;
                                        running->close();
                                        loop.stop();
                                    });
    api::Api api(controller, operators);
    http::Server server(loop, std::move(*socket), api);
    running = &server;
    boost::asio::signal_set hangups(loop, SIGHUP);
    reload_at(hangups, controller);
    if (auto started = controller.start(std::move(*beginning)); !started) return started;
    log(Message::director_started, "version {}, configuration {}, data plane {}", SHOAL_VERSION,
        options.configuration_file, adopted ? "adopted" : "new");
    loop.run();
    // After `shoal stop` its answer is still to be sent; what is on its way elsewhere, to those who
    // are told for instance, holds nobody up.
    loop.restart();
    while (withdrawn && !server.finished() && loop.run_one() > 0)
        continue;
    return {};
}

/// For an administrator whose shoald cannot be started any more, or shall not be.
Result<void> withdraw(const DaemonOptions& options) {
    auto socket = http::ListeningSocket::open(options.socket, {});
    if (!socket) return fail(socket.error());
    redundancy::FloatingAddresses addresses(director::state_file(options.runtime_directory));
    if (auto done = addresses.withdraw(); !done) return done;
    auto dataplane = dataplane::BpfDataplane::open({.pin_directory = options.pin_directory});
    if (!dataplane) return fail(dataplane.error());
    return (*dataplane)->withdraw();
}

int report(const Result<void>& done) {
    if (done) return 0;
    std::cerr << "shoald: " << done.error().message << "\n";
    return 1;
}

int run(const DaemonOptions& options) {
    if (options.withdraw) return report(withdraw(options));
    auto netlink = net::Netlink::open();
    if (!netlink) return report(fail(netlink.error()));
    return report(serve(options, std::move(*netlink)));
}

}  // namespace
}  // namespace shoal

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    shoal::allow_many_descriptors();
    return shoal::run(shoal::parse_options(argc, argv));
}
