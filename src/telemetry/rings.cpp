#include "telemetry/rings.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <tuple>

namespace shoal::telemetry {

namespace {

/// Of a node of the map, the object's own members included.
constexpr std::size_t object_bytes = 512;
/// Objects that are watched beyond the limit.
constexpr std::size_t most_watched = 200;
/// What is not there any more may come back, and is let go only for a newcomer.
constexpr std::int64_t seconds_away = 60;

bool went_back(const model::Counters& before, const model::Counters& now) {
    return now.connections < before.connections || now.packets_in < before.packets_in ||
           now.packets_out < before.packets_out || now.bytes_in < before.bytes_in ||
           now.bytes_out < before.bytes_out;
}

Cell between(const model::Counters& before, const model::Counters& now) {
    Cell cell;
    cell[Column::connections] = now.connections - before.connections;
    cell[Column::packets_in] = now.packets_in - before.packets_in;
    cell[Column::packets_out] = now.packets_out - before.packets_out;
    cell[Column::bytes_in] = now.bytes_in - before.bytes_in;
    cell[Column::bytes_out] = now.bytes_out - before.bytes_out;
    return cell;
}

}  // namespace

std::size_t Rings::Object::memory() const {
    std::size_t sum = object_bytes;
    for (const auto& ring : rings)
        sum += ring.memory();
    return sum;
}

void Rings::sample(const dataplane::Statistics& statistics, TimePoint now) {
    if (!origin_) origin_ = now;
    const auto second = std::llround(std::chrono::duration<double>(now - *origin_).count());
    // Two readings within one second: the later one goes into the next.
    if (second <= now_) return;
    before_ = now_;
    now_ = second;
    forget_the_unwatched(now);
    if (!has_room()) forget_the_gone();
    room_ = has_room();
    std::vector<Newcomer> newcomers;
    Reading total{.counters = statistics.total};
    for (const auto& service : statistics.services) {
        for (const auto& server : service.servers) {
            total.active += server.active;
            total.inactive += server.inactive;
        }
    }
    take_or_note({}, total, newcomers);
    for (const auto& service : statistics.services)
        sample_service(service, newcomers);
    if (!newcomers.empty()) admit(std::move(newcomers));
    if (memory_ > limits_.bytes) shrink();
}

void Rings::sample_service(const dataplane::ServiceLoad& service,
                           std::vector<Newcomer>& newcomers) {
    // Of ten thousand virtual servers most are not kept, nor are their real servers.
    const auto known = objects_.lower_bound({.service = service.key});
    const bool any = known != objects_.end() && known->first.service == service.key;
    if (!any && !room_ && !watches_any_of(service.key)) return;
    Reading sum{.counters = service.counters};
    for (const auto& server : service.servers) {
        sum.active += server.active;
        sum.inactive += server.inactive;
    }
    take_or_note({.service = service.key}, sum, newcomers);
    for (const auto& server : service.servers)
        take_or_note({.service = service.key, .server = server.key},
                     {server.counters, server.active, server.inactive}, newcomers);
}

void Rings::take_or_note(const RingObject& object, const Reading& reading,
                         std::vector<Newcomer>& newcomers) {
    const auto known = objects_.find(object);
    if (known != objects_.end())
        take(known->second, reading);
    else if ((room_ && newcomers.size() < limits_.objects) || is_watched(object))
        newcomers.push_back({object, reading});
}

void Rings::take(Object& object, const Reading& reading) {
    const auto bytes_before = object.memory();
    // Nobody knows how it went since when it was away, or what its counters began with.
    const bool goes_on =
        object.seen == before_ && !went_back(object.last.counters, reading.counters);
    if (goes_on) {
        Stretch stretch{object.seen, now_, between(object.last.counters, reading.counters)};
        stretch.cell[Column::active] = reading.active;
        stretch.cell[Column::inactive] = reading.inactive;
        for (auto& ring : object.rings)
            ring.add(stretch);
    }
    object.seen = now_;
    object.last = reading;
    memory_ += object.memory() - bytes_before;
}

bool Rings::has_room() const {
    // A new one is to grow.
    return objects_.size() < limits_.objects && memory_ < limits_.bytes / 10 * 9;
}

bool Rings::watches_any_of(const dataplane::ServiceKey& service) const {
    const auto watched = watched_until_.lower_bound({.service = service});
    return watched != watched_until_.end() && watched->first.service == service;
}

bool Rings::is_watched(const RingObject& object) const {
    return watched_until_.contains(object);
}

void Rings::admit(std::vector<Newcomer> newcomers) {
    for (auto& newcomer : newcomers) {
        const bool room = has_room();
        if (!room && !(is_watched(newcomer.object) && memory_ < limits_.bytes)) continue;
        auto& object = objects_[newcomer.object];
        object.seen = now_;
        object.last = newcomer.reading;
        object.order = next_order_++;
        object.beyond = !room;
        memory_ += object.memory();
    }
}

void Rings::forget_the_unwatched(TimePoint now) {
    for (auto watched = watched_until_.begin(); watched != watched_until_.end();) {
        if (watched->second > now) {
            ++watched;
            continue;
        }
        const auto object = objects_.find(watched->first);
        if (object != objects_.end() && object->second.beyond) forget(object);
        watched = watched_until_.erase(watched);
    }
}

void Rings::forget_the_gone() {
    if (now_ < looked_for_the_gone_ + seconds_away) return;
    looked_for_the_gone_ = now_;
    for (auto object = objects_.begin(); object != objects_.end();) {
        const auto next = std::next(object);
        if (object->second.seen < now_ - seconds_away) forget(object);
        object = next;
    }
}

void Rings::shrink() {
    std::vector<Objects::iterator> objects;
    for (auto object = objects_.begin(); object != objects_.end(); ++object)
        objects.push_back(object);
    // What is not there goes first, then what is only watched, then what came last.
    std::ranges::sort(objects, {}, [this](const Objects::iterator& each) {
        const auto& object = each->second;
        return std::tuple(object.seen == now_, !object.beyond, ~object.order);
    });
    for (const auto& object : objects) {
        if (memory_ <= limits_.bytes) break;
        forget(object);
    }
}

void Rings::forget(Objects::iterator object) {
    memory_ -= object->second.memory();
    objects_.erase(object);
}

RingPage Rings::read(const RingObject& object, RingWidth width, std::optional<TimePoint> from,
                     TimePoint now) {
    const auto known = objects_.find(object);
    const bool stays = known != objects_.end() && !known->second.beyond;
    if (!stays && (is_watched(object) || watched_until_.size() < most_watched))
        watched_until_[object] = now + limits_.watched;
    const auto place = static_cast<std::size_t>(width);
    if (known == objects_.end()) return {.begin = now, .seconds = Object().rings[place].width()};
    const auto& ring = known->second.rings[place];
    const std::int64_t seconds = ring.width();
    const auto last = now_ > 0 ? (now_ - 1) / seconds : -1;
    auto first = std::max<std::int64_t>(0, last - ring.cells() + 1);
    if (from && *from > *origin_) {
        const auto asked = std::chrono::floor<std::chrono::seconds>(*from - *origin_).count();
        first = std::clamp<std::int64_t>(asked / seconds, first, last + 1);
    }
    return {.kept = true,
            .begin = *origin_ + std::chrono::seconds(first * seconds),
            .seconds = ring.width(),
            .cells = ring.read(first, last)};
}

}  // namespace shoal::telemetry
