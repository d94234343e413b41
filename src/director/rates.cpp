#include "director/rates.h"

#include <cmath>

namespace shoal::director {

namespace {

/// Moves the estimators of what is still there over into a new table, so that the others go.
template <class Key>
RateEstimator& carry_over(std::map<Key, RateEstimator>& from, std::map<Key, RateEstimator>& to,
                          const Key& key) {
    if (auto known = from.extract(key)) return to.insert(std::move(known)).position->second;
    return to[key];
}

template <class Key>
model::Rates rates_in(const std::map<Key, RateEstimator>& table, const Key& key) {
    const auto found = table.find(key);
    return found == table.end() ? model::Rates{} : found->second.rates();
}

}  // namespace

RateEstimator::Numbers RateEstimator::numbers(const model::Counters& counters) {
    return {counters.connections, counters.packets_in, counters.packets_out, counters.bytes_in,
            counters.bytes_out};
}

void RateEstimator::sample(const model::Counters& counters, TimePoint now) {
    const auto current = numbers(counters);
    const double seconds = std::chrono::duration<double>(now - last_time_).count();
    if (begun_ && seconds <= 0) return;
    for (std::size_t i = 0; begun_ && i < kinds; ++i) {
        const auto moved = current[i] > last_[i] ? current[i] - last_[i] : 0;
        rates_[i] += (static_cast<double>(moved) / seconds - rates_[i]) / 4;
    }
    begun_ = true;
    last_time_ = now;
    last_ = current;
}

model::Rates RateEstimator::rates() const {
    const auto whole = [this](std::size_t kind) {
        return static_cast<std::uint64_t>(std::llround(rates_[kind]));
    };
    return {whole(0), whole(1), whole(2), whole(3), whole(4)};
}

RateEstimator& RateEstimator::operator+=(const RateEstimator& other) {
    for (std::size_t i = 0; i < kinds; ++i)
        rates_[i] += other.rates_[i];
    return *this;
}

void RateTable::sample(const dataplane::Statistics& statistics, TimePoint now) {
    decltype(services_) services;
    decltype(servers_) servers;
    for (const auto& service : statistics.services) {
        carry_over(services_, services, service.key).sample(service.counters, now);
        for (const auto& server : service.servers) {
            carry_over(servers_, servers, ServerPlace{service.key, server.key})
                .sample(server.counters, now);
        }
    }
    for (const auto& verdict : statistics.verdicts)
        verdicts_[verdict.name].sample({.packets_in = verdict.packets}, now);
    services_ = std::move(services);
    servers_ = std::move(servers);
}

model::Rates RateTable::of(const dataplane::ServiceKey& service) const {
    return rates_in(services_, service);
}

model::Rates RateTable::of(const dataplane::ServiceKey& service,
                           const dataplane::ServerKey& server) const {
    return rates_in(servers_, ServerPlace{service, server});
}

model::Rates RateTable::total() const {
    RateEstimator sum;
    for (const auto& [key, service] : services_)
        sum += service;
    return sum.rates();
}

std::uint64_t RateTable::of_verdict(const std::string& name) const {
    return rates_in(verdicts_, name).packets_in;
}

}  // namespace shoal::director
