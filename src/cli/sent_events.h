#pragma once

#include <string>
#include <string_view>

#include "cli/lines.h"

namespace shoal::cli {

struct SentEvent {
    std::string kind;
    std::string data;
};

/// Reads server-sent events as shoald sends them: one line of data each.
class SentEvents {
  public:
    /// Calls `with_each` for each event that has come whole.
    template <class WithEach>
    void take(std::string_view piece, WithEach&& with_each) {
        lines_.take(piece, [&](std::string_view line) {
            if (!take_line(line)) return;
            with_each(event_);
            event_ = {};
        });
    }
    /// What to go on after; empty while there was no id.
    const std::string& last_id() const { return last_id_; }
    /// The connection broke: what came of an event is none.
    void break_off();

  private:
    /// True where the event is whole.
    bool take_line(std::string_view line);

    Lines lines_;
    SentEvent event_;
    std::string id_;
    std::string last_id_;
};

}  // namespace shoal::cli
