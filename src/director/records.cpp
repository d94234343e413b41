#include "director/records.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "director/marks.h"
#include "director/sorry_server.h"

namespace shoal::director {

namespace {

using std::chrono::duration_cast;

/// A wall clock is slewed by less within the time of a chart; more is a jump.
constexpr Milliseconds jump{500};
/// Longer ago than any ring reaches.
constexpr std::chrono::days longest{8};

/// Of readings that are more than the rates need: that is 5 % of the time.
constexpr Milliseconds most_of_a_second{50};

std::string epoch_file(const std::string& state_directory) {
    return (std::filesystem::path(state_directory) / "epoch").string();
}

}  // namespace

Result<telemetry::RingObject> ring_object(const model::Configuration& configuration,
                                          const RingQuestion& question) {
    telemetry::RingObject object;
    if (!question.virtual_server) return object;
    const auto& services = configuration.virtual_servers;
    const auto service =
        std::ranges::find(services, *question.virtual_server, &model::VirtualServer::name);
    if (service == services.end())
        return fail(fmt::format("there is no virtual server {}", *question.virtual_server));
    object.service = service_key(*service);
    if (!question.real_server) return object;
    const auto& servers = service->real_servers;
    const auto server = std::ranges::find(servers, *question.real_server, &model::RealServer::name);
    if (server != servers.end()) {
        object.server = server_key(*service, *server);
        return object;
    }
    const auto sorry = sorry_server(configuration, *service);
    if (!sorry || *question.real_server != "sorry")
        return fail(fmt::format("{} has no real server {}", service->name, *question.real_server));
    object.server = sorry->key;
    return object;
}

Records::Records(const std::string& state_directory)
    : events_(telemetry::next_epoch(local_disk(), epoch_file(state_directory),
                                    static_cast<std::uint64_t>(wall_clock_ms() / 1000))) {}

void Records::sample(const dataplane::Statistics& statistics, TimePoint now) {
    rings_.sample(statistics, now);
}

Milliseconds Records::offset() {
    const auto monotonic = duration_cast<Milliseconds>(Clock::now().time_since_epoch());
    const auto now = Milliseconds(wall_clock_ms()) - monotonic;
    // The same cell is to have the same time whenever it is asked for.
    if (!offset_ || std::chrono::abs(now - *offset_) > jump) offset_ = now;
    return *offset_;
}

RingAnswer Records::read(const telemetry::RingObject& object, const RingQuestion& question) {
    const auto now = Clock::now();
    const auto wall = offset();
    std::optional<TimePoint> from;
    if (question.from_ms) {
        const auto end = duration_cast<Milliseconds>(now.time_since_epoch());
        const auto begin = Milliseconds(*question.from_ms) - wall;
        from = TimePoint(std::clamp<Milliseconds>(begin, end - longest, end + longest));
    }
    auto page = rings_.read(object, question.width, from, now);
    // Within the first cell, so that who asks from there on gets it first.
    const auto begin = std::chrono::ceil<Milliseconds>(page.begin.time_since_epoch()) + wall;
    return {page.kept, begin.count(), page.seconds, std::move(page.cells)};
}

bool ReadingPace::rates_due(TimePoint now) {
    // A timer is never early, yet may have been late the last time.
    if (rates_ && now - *rates_ < Milliseconds(1'500)) return false;
    rates_ = now;
    return true;
}

TimePoint ReadingPace::next(TimePoint began, TimePoint ended) {
    const auto cost = ended - began;
    if (cost > most_of_a_second) pause_ = std::chrono::seconds(2);
    if (cost < most_of_a_second / 2) pause_ = std::chrono::seconds(1);
    if (!due_) due_ = began;
    *due_ += pause_;
    while (*due_ <= ended)
        *due_ += std::chrono::seconds(1);
    return *due_;
}

}  // namespace shoal::director
