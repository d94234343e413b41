#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/status.h"

namespace shoal::telemetry {

/// Writes Prometheus' text format, version 0.0.4.
class PrometheusText {
  public:
    enum class Type { counter, gauge };
    using Labels = std::vector<std::pair<std::string_view, std::string>>;

    /// Begins a metric; its samples follow. A counter's name ends in _total.
    void metric(std::string_view name, Type type, std::string_view help);
    void sample(const Labels& labels, std::uint64_t value);
    void sample(const Labels& labels, double value);

    std::string take() { return std::move(text_); }

  private:
    void add(const Labels& labels, std::string_view value);

    std::string name_;
    std::string text_;
};

/// Backslashes, quotation marks and line feeds escaped; what is no UTF-8 as U+FFFD.
std::string label_value(std::string_view text);

/// All of a director that monitoring may want. Docs of each metric are its own help text.
std::string prometheus_text(const model::DirectorStatus& status);

}  // namespace shoal::telemetry
