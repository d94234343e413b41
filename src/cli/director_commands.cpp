#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/connection_query.h"
#include "api/status_json.h"
#include "cli/report.h"
#include "cli/views.h"
#include "http/response.h"
#include "http/target.h"

// The commands that ask a running shoald.

namespace shoal::cli {

namespace {

/// Shows the answer to one question: as it is with --json, else what `render` makes of it.
template <class T, class Render>
int show(const Console& console, const Options& options, const std::string& target, Render render) {
    const auto body = Remote(options.socket).ask(http::Method::get, target);
    if (!body) return report(console, options, body.error());
    if (options.json) {
        console.out << *body << "\n";
        return exit_done;
    }
    const auto value = api::from_json<T>(*body);
    if (!value) return report(console, options, {.message = value.error().message});
    console.out << render(*value, console.terminal);
    return exit_done;
}

std::string connections_target(const ConnectionOptions& wanted) {
    auto target = fmt::format("/api/v1/connections?limit={}",
                              std::min<std::uint64_t>(wanted.limit.value_or(UINT64_MAX),
                                                      api::ConnectionQuery::highest_limit));
    const auto add = [&](const char* name, const std::optional<std::string>& value) {
        if (value) target += fmt::format("&{}={}", name, http::percent_encode(*value));
    };
    add("client", wanted.client);
    add("virtual", wanted.virtual_server);
    add("mark", wanted.mark);
    add("real", wanted.real_server);
    add("state", wanted.state);
    add("protocol", wanted.protocol);
    return target;
}

/// Connections as they come, as a table or as one JSON object with a line for each.
class ConnectionsPrinter {
  public:
    ConnectionsPrinter(const Console& console, bool json) : console_(console), json_(json) {}

    void print(const std::vector<model::Connection>& page) {
        if (!json_) {
            console_.out << view_.render(page, console_.terminal);
        } else {
            for (const auto& connection : page) {
                console_.out << separator() << api::json_text(connection);
                begun_ = true;
            }
        }
        console_.out.flush();
        any_ = any_ || !page.empty();
    }

    void finish() {
        if (json_) {
            console_.out << (begun_ ? "\n]}\n" : "{\"connections\":[]}\n");
        } else if (!any_) {
            console_.out << "no connections\n";
        }
    }

  private:
    const char* separator() const { return begun_ ? ",\n" : "{\"connections\":[\n"; }

    const Console& console_;
    bool json_;
    bool begun_ = false;
    bool any_ = false;
    ConnectionsView view_;
};

/// The next page, and `from` set behind it.
Outcome<std::vector<model::Connection>> next_page(Remote& remote, const std::string& target,
                                                  std::optional<std::uint32_t>& from) {
    const auto body = remote.ask(http::Method::get, fmt::format("{}&from={}", target, *from));
    if (!body) return std::unexpected(body.error());
    auto page = api::from_json<dataplane::ConnectionPage>(*body);
    if (!page) return std::unexpected(Failure{.message = page.error().message});
    from = page->next;
    return std::move(page->connections);
}

/// {"drops": [{"name": ..., "meaning": ..., "packets": N, "per_second": N}, ...]}
int print_drops(const Console& console, const Options& options) {
    const auto body = Remote(options.socket).ask(http::Method::get, "/api/v1/stats");
    if (!body) return report(console, options, body.error());
    const auto statistics = api::from_json<api::Statistics>(*body);
    if (!statistics) return report(console, options, {.message = statistics.error().message});
    auto drops = nlohmann::json::array();
    for (const auto& verdict : statistics->verdicts) {
        if (!is_drop(verdict)) continue;
        drops.push_back({{"name", verdict.name},
                         {"meaning", verdict.meaning},
                         {"packets", verdict.packets},
                         {"per_second", verdict.per_second}});
    }
    print_json(console, {{"drops", std::move(drops)}});
    return exit_done;
}

std::string state_target(const StateOptions& wanted) {
    auto target = fmt::format("/api/v1/{}?", wanted.action);
    const auto add = [&](const char* name, const std::optional<std::string>& value) {
        if (!value) return;
        if (target.back() != '?') target += '&';
        target += fmt::format("{}={}", name, http::percent_encode(*value));
    };
    add(wanted.real_server ? "virtual" : "server", wanted.server);
    add("real", wanted.real_server);
    add("for", wanted.lasting);
    add("deadline", wanted.deadline);
    return target;
}

}  // namespace

int run_status(const Console& console, const Options& options) {
    const auto body = Remote(options.socket).ask(http::Method::get, "/api/v1/status");
    if (!body) return report(console, options, body.error());
    if (options.json) {
        console.out << *body << "\n";
        return exit_done;
    }
    const auto status = api::from_json<model::DirectorStatus>(*body);
    if (!status) return report(console, options, {.message = status.error().message});
    const auto revision = api::from_json<model::RevisionStatus>(*body);
    if (!revision) return report(console, options, {.message = revision.error().message});
    console.out << render_status(*status, console.terminal)
                << render_revision(*revision, status->now_ms, console.terminal);
    return exit_done;
}

int run_health(const Console& console, const Options& options,
               const std::optional<std::string>& virtual_server) {
    std::string target = "/api/v1/health";
    if (virtual_server) target += "?virtual=" + http::percent_encode(*virtual_server);
    return show<model::HealthReport>(console, options, target, render_health);
}

int run_statistics(const Console& console, const Options& options, bool drops_only) {
    if (drops_only && options.json) return print_drops(console, options);
    return show<api::Statistics>(console, options, "/api/v1/stats",
                                 drops_only ? render_drops : render_statistics);
}

int run_connections(const Console& console, const Options& options,
                    const ConnectionOptions& wanted) {
    Remote remote(options.socket);
    ConnectionsPrinter printer(console, options.json);
    const auto target = connections_target(wanted);
    auto left = wanted.limit.value_or(UINT64_MAX);
    std::optional<std::uint32_t> from = 0;
    while (from && left > 0 && console.out.good()) {
        auto page = next_page(remote, target, from);
        if (!page) return report(console, options, page.error());
        if (page->size() > left) page->resize(left);
        left -= page->size();
        printer.print(*page);
    }
    printer.finish();
    return exit_done;
}

int run_state(const Console& console, const Options& options, const StateOptions& wanted) {
    const auto body = Remote(options.socket).ask(http::Method::post, state_target(wanted));
    if (!body) return report(console, options, body.error());
    if (options.json) {
        console.out << *body << "\n";
        return exit_done;
    }
    const auto answer = api::from_json<api::StateAnswer>(*body);
    if (!answer) return report(console, options, {.message = answer.error().message});
    console.out << printable(fmt::format("{} of {} is {}", answer->real_server,
                                         answer->virtual_server, model::name_of(answer->state)),
                             console.terminal)
                << "\n";
    return exit_done;
}

int run_stop(const Console& console, const Options& options) {
    auto answer = Remote(options.socket).ask(http::Method::post, "/api/v1/stop");
    if (!answer && answer.error().exit_status == exit_not_possible) {
        answer.error().message +=
            "; what an earlier shoald left at work in the kernel, `shoald --withdraw` takes down";
    }
    if (!answer) return report(console, options, answer.error());
    console.out << (options.json ? *answer
                                 : "shoald has withdrawn its addresses and hooks, and ends")
                << "\n";
    return exit_done;
}

int run_version(const Console& console, const Options& options) {
    // Here it is no failure when shoald does not run.
    nlohmann::json versions{{"shoal", SHOAL_VERSION}, {"shoald", nullptr}};
    const auto answer = Remote(options.socket).ask(http::Method::get, "/api/v1/version");
    if (answer) {
        const auto body = nlohmann::json::parse(*answer, nullptr, false);
        if (body.is_object() && body.contains("version")) versions["shoald"] = body["version"];
    }
    if (options.json) {
        print_json(console, versions);
        return exit_done;
    }
    const auto& running = versions["shoald"];
    console.out << "shoal  " << SHOAL_VERSION << "\nshoald "
                << (running.is_string() ? printable(running.get<std::string>(), console.terminal)
                                        : "unknown: " + (answer ? "its answer is not understood"
                                                                : answer.error().message))
                << "\n";
    return exit_done;
}

}  // namespace shoal::cli
