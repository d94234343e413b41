#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace shoal::cli {

struct Console {
    std::ostream& out;
    std::ostream& error;
    /// Of `out`.
    Terminal terminal;
};

struct Options {
    std::string socket;
    bool json = false;
};

struct CheckOptions {
    std::string file;
    /// The file is for another machine: its devices need not exist here.
    bool other_machine = false;
};

struct ConversionOptions {
    /// Whose file it is: "lvs.cf".
    std::string format;
    std::string file;
    /// Of keepalived: whose lines are taken of those for one host alone; unset: nobody's.
    std::optional<std::string> host;
};

/// What is to be in force.
struct ChangeOptions {
    std::string file;
    // As the API's parameters.
    std::optional<std::string> comment;
    std::optional<std::string> confirm;
    std::optional<std::string> expect;
    std::optional<std::string> revision;
};

struct DifferenceOptions {
    /// A revision's number, or "file".
    std::string from;
    /// Unset: what is in force.
    std::optional<std::string> to;
};

struct ConnectionOptions {
    // As the API's parameters; unset: all.
    std::optional<std::string> client;
    std::optional<std::string> virtual_server;
    std::optional<std::string> mark;
    std::optional<std::string> real_server;
    std::optional<std::string> state;
    std::optional<std::string> protocol;
    std::optional<std::uint64_t> limit;
};

struct TraceOptions {
    // As the API's parameters; unset: all.
    std::optional<std::string> client;
    std::optional<std::string> virtual_server;
    std::optional<std::string> real_server;
    std::optional<std::string> protocol;
    std::optional<std::string> verdict;
    std::optional<std::uint64_t> count;
    std::optional<std::uint64_t> seconds;
};

struct ExplainOptions {
    /// ADDRESS or ADDRESS:PORT.
    std::string client;
    /// ADDRESS:PORT.
    std::string virtual_server;
    std::string protocol = "tcp";
};

/// An order about one real server.
struct StateOptions {
    /// drain, maintain, enable or disable.
    std::string action;
    /// VIRTUAL/REAL, or the virtual server alone where `real_server` is given.
    std::string server;
    std::optional<std::string> real_server;
    // As the API's parameters.
    std::optional<std::string> lasting;
    std::optional<std::string> deadline;
};

struct CheckNowOptions {
    // By their names in the configuration.
    std::string virtual_server;
    std::string real_server;
};

struct HistoryOptions {
    /// VIRTUAL/REAL or VIRTUAL; unset: the director as a whole.
    std::optional<std::string> object;
    std::string last = "5m";
};

struct EventOptions {
    // As the API's parameters; unset: all.
    std::optional<std::string> virtual_server;
    std::optional<std::string> kind;
    std::optional<std::string> after;
    /// Goes on with what happens, until somebody ends it.
    bool follow = false;
};

// The commands. Each returns its exit status.
int run_check(const Console& console, const Options& options, const CheckOptions& check);
/// What run_apply() would change.
int run_plan(const Console& console, const Options& options, const std::string& file);
/// What run_import() reads.
std::vector<std::string> known_imports();
int run_import(const Console& console, const Options& options, const ConversionOptions& wanted);
int run_export(const Console& console, const Options& options, const ConversionOptions& wanted);
int run_apply(const Console& console, const Options& options, const ChangeOptions& wanted);
int run_reload(const Console& console, const Options& options);
int run_confirm(const Console& console, const Options& options);
int run_revert(const Console& console, const Options& options);
int run_restore(const Console& console, const Options& options, const ChangeOptions& wanted);
int run_revisions(const Console& console, const Options& options);
/// With `verify` refused where the log was damaged.
int run_audit(const Console& console, const Options& options, bool verify);
int run_difference(const Console& console, const Options& options, const DifferenceOptions& wanted);
int run_status(const Console& console, const Options& options);
/// Of all virtual servers, or of one.
int run_health(const Console& console, const Options& options,
               const std::optional<std::string>& virtual_server);
int run_connections(const Console& console, const Options& options,
                    const ConnectionOptions& wanted);
int run_statistics(const Console& console, const Options& options, bool drops_only);
int run_trace(const Console& console, const Options& options, const TraceOptions& wanted);
int run_explain(const Console& console, const Options& options, const ExplainOptions& wanted);
int run_state(const Console& console, const Options& options, const StateOptions& wanted);
/// Refused, too, where the real server did not answer well.
int run_check_now(const Console& console, const Options& options, const CheckNowOptions& wanted);
int run_history(const Console& console, const Options& options, const HistoryOptions& wanted);
int run_events(const Console& console, const Options& options, const EventOptions& wanted);
int run_stop(const Console& console, const Options& options);
int run_version(const Console& console, const Options& options);

}  // namespace shoal::cli
