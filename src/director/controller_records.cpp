#include "director/controller.h"

// What the controller keeps of the past, and shows of it.

namespace shoal::director {

void Controller::read_statistics() {
    const auto began = Clock::now();
    if (const auto statistics = dataplane_->statistics()) {
        records_.sample(*statistics, began);
        if (pace_.rates_due(began)) {
            rates_.sample(*statistics, began);
            check_sweeper(statistics->sweeper_age_ms);
            advance_states(*statistics);
        }
    }
    statistics_timer_.expires_at(pace_.next(began, Clock::now()));
    statistics_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error && !withdrawn_) read_statistics();
    });
}

void Controller::record(std::string_view kind, const std::string& text) {
    const telemetry::Event event{.time_ms = wall_clock_ms(),
                                 .director = configuration_.global.name};
    records_.events().add(kind, event, text);
}

std::expected<RingAnswer, Refusal> Controller::rings(const RingQuestion& question) {
    const auto object = ring_object(configuration_, question);
    if (!object)
        return std::unexpected(Refusal{.unknown = true, .message = object.error().message});
    return records_.read(*object, question);
}

telemetry::EventLog& Controller::events() {
    return records_.events();
}

}  // namespace shoal::director
