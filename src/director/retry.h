#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace shoal::director {

/// Remembers which operations failed, so that each is tried again with growing pauses (0.2 s
/// doubling to 30 s) and the administrator sees it. Operations are known by their description.
class Retry {
  public:
    /// May `operation` be tried now?
    bool is_due(const std::string& operation, TimePoint now) const;
    /// True for the first failure in a row: the one worth a line in the log.
    bool failed(const std::string& operation, const Error& error, TimePoint now);
    void succeeded(const std::string& operation);
    /// Everything is due again and waits briefly at first: what failed may be well now.
    void begin_afresh();
    /// Forgets operations that are no longer wanted.
    void keep_only(const std::vector<std::string>& wanted);
    std::optional<TimePoint> next_due() const;
    /// Those that fail, with the last error of each.
    std::map<std::string, std::string> failures() const;
    /// One sentence for each operation that fails.
    std::vector<std::string> problems() const;

  private:
    struct Failure {
        std::string error;
        int times = 0;
        TimePoint due;
    };
    std::map<std::string, Failure> failures_;
};

}  // namespace shoal::director
