#pragma once

#include <string>
#include <vector>

#include "api/check_now.h"
#include "api/history.h"
#include "api/status_json.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "dataplane/sight.h"
#include "model/health_report.h"
#include "model/revision_status.h"
#include "model/status.h"

// What the command shows, as text.

namespace shoal::cli {

/// The director, its virtual and real servers as ipvsadm lists them, hooks and problems.
std::string render_status(const model::DirectorStatus& status, const Terminal& terminal);

/// What is checked, how it is, and what the last check saw.
std::string render_health(const model::HealthReport& report, const Terminal& terminal);

/// Counters of virtual and real servers as `ipvsadm --stats`, and packets by verdict.
std::string render_statistics(const api::Statistics& statistics, const Terminal& terminal);
/// Only the packets that were dropped, by verdict, those that never happened included.
std::string render_drops(const api::Statistics& statistics, const Terminal& terminal);
bool is_drop(const model::VerdictCount& verdict);

/// One line: "12:34:56.123456 xdp wan0  tcp 192.0.2.7:40000 > 192.0.2.80:80 SYN  new_connection
/// ..."
std::string render_event(const dataplane::TraceEvent& event, const Terminal& terminal);
/// Every step, and in the end the verdict.
std::string render_explanation(const dataplane::Explanation& explanation, const Terminal& terminal);

/// One line of a check: "    0.123 ms  connected".
std::string render_transcript_line(const health::Transcript::Line& line, const Terminal& terminal);
std::string render_check_end(const api::CheckEnd& end, const Terminal& terminal);

/// Counters of `object` (empty: the director) over the time, with a line that shows their course.
std::string render_history(const api::History& history, const std::string& object,
                           const Terminal& terminal);

/// One line of what happened, from the JSON of an event; empty where that is none.
std::string render_happening(std::string_view json, const Terminal& terminal);

/// Connections page by page, as they come.
class ConnectionsView {
  public:
    ConnectionsView();
    /// The page as text; the first one has the titles.
    std::string render(const std::vector<model::Connection>& page, const Terminal& terminal);

  private:
    Table table_;
};

/// Which configuration is in force, and what is to be done about it.
std::string render_revision(const model::RevisionStatus& revision, std::int64_t now_ms,
                            const Terminal& terminal);

}  // namespace shoal::cli
