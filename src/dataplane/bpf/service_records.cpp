#include "dataplane/bpf/service_records.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/bpf/counters.h"
#include "dataplane/bpf/service_options.h"

namespace shoal::dataplane {

namespace {

/// Flags that stand in the pool as well.
constexpr __u32 pool_flags = SHOAL_SERVICE_HASH_PORT | SHOAL_SERVICE_HASH_FALLBACK;

}  // namespace

ServiceRecords::ServiceRecords(const Tables& tables)
    : tables_(&tables),
      ports_(tables.fd("services"), tables.fd("service_ports")),
      access_(tables.fd("access_list")) {}

/// The ports of a mark stand nowhere but in the tables of ports.
void ServiceRecords::learn_marks() {
    std::map<std::uint32_t, ServiceOptions> marks;
    for (const auto& [endpoint, assignment] : ports_.held()) {
        std::set<std::uint32_t> services;
        for (const auto& [port, service] : assignment.exact)
            services.insert(service);
        for (const auto& [prefix, service] : assignment.prefixes)
            services.insert(service);
        for (const std::uint32_t service : services) {
            for (const model::PortRange& range : ports_of(assignment, service))
                marks[service].matches.push_back({endpoint.protocol, endpoint.address, range});
        }
    }
    for (const auto& [key, index] : keys_) {
        if (key.mark != 0) claims_.put(index, claims_of(key, marks[index]));
    }
}

Result<void> ServiceRecords::load() {
    if (auto done = ports_.load(); !done) return done;
    const auto family = [&](std::uint32_t index) {
        return index < tables_->services.size() ? tables_->services[index].key.family : __u8{0};
    };
    if (auto done = access_.load(family); !done) return done;
    std::set<Endpoint> endpoints;
    for (const auto& [endpoint, assignment] : ports_.held())
        endpoints.insert(endpoint);
    for (std::uint32_t index = 0; index < tables_->services.size(); ++index) {
        const shoal_service& record = tables_->services[index];
        if (record.in_use == 0) continue;
        const ServiceKey key = key_of(record);
        keys_[key] = index;
        if (key.mark != 0) continue;
        claims_.put(index, claims_of(key, options_from(record, {}, {}, hz())));
        for (const PortClaim& claim : claims_.of(index))
            endpoints.insert(claim.endpoint);
    }
    learn_marks();
    const auto exists = [&](std::uint32_t index) {
        return index < tables_->services.size() && tables_->services[index].in_use != 0;
    };
    if (auto done = access_.remove_unless(exists); !done) return done;
    return assign(endpoints);
}

std::optional<std::uint32_t> ServiceRecords::find(const ServiceKey& key) const {
    const auto found = keys_.find(key);
    if (found == keys_.end()) return std::nullopt;
    return found->second;
}

ServiceKey ServiceRecords::key(std::uint32_t index) const {
    return key_of(tables_->services[index]);
}

std::vector<MarkMatch> ServiceRecords::matches_of(std::uint32_t index) const {
    std::set<Endpoint> endpoints;
    for (const PortClaim& claim : claims_.of(index))
        endpoints.insert(claim.endpoint);
    std::vector<MarkMatch> matches;
    for (const Endpoint& endpoint : endpoints) {
        const auto held = ports_.held().find(endpoint);
        if (held == ports_.held().end()) continue;
        for (const model::PortRange& range : ports_of(held->second, index))
            matches.push_back({endpoint.protocol, endpoint.address, range});
    }
    return matches;
}

ServiceOptions ServiceRecords::options(std::uint32_t index) const {
    const shoal_service& record = tables_->services[index];
    const ServiceKey key = key_of(record);
    ServiceOptions held =
        options_from(record, access_.of(index),
                     key.mark != 0 ? matches_of(index) : std::vector<MarkMatch>{}, hz());
    const auto applied = applied_.find(index);
    if (applied != applied_.end() && as_held(key, applied->second, hz()) == held) {
        return applied->second;
    }
    return held;
}

bool ServiceRecords::was_used(std::uint32_t index) const {
    return tables_->services[index].key.family != 0;
}

/// Used ones come last: a packet may still be on its way with the index of one just removed.
Result<std::uint32_t> ServiceRecords::reserve(const std::vector<bool>& named) {
    for (const bool used : {false, true}) {
        for (std::uint32_t index = 0; index < tables_->services.size(); ++index) {
            if (tables_->services[index].in_use != 0 || was_used(index) != used || named[index] ||
                reserved_.contains(index)) {
                continue;
            }
            reserved_.insert(index);
            return index;
        }
    }
    return fail(fmt::format(
        "all {} entries for virtual servers are taken: `shoal stop`, and shoald makes room for "
        "as many as the configuration has when it starts",
        tables_->services.size()));
}

Result<void> ServiceRecords::create(std::uint32_t index, const ServiceKey& key,
                                    const ServiceOptions& options) {
    if (auto done = begin_counters(*tables_, index); !done) return done;
    // Nothing of its own was served statelessly yet.
    const __u64 never = 0;
    const std::uint32_t entry = shoal_stateless_entry(index);
    if (bpf_map_update_elem(tables_->fd("stateless_times"), &entry, &never, BPF_ANY) != 0) {
        return fail(system_error("clearing the time of stateless service", errno));
    }
    tables_->services[index] = to_record(key, options, hz());
    applied_[index] = options;
    return access_.add(index, to_access(options));
}

/// A packet may see some members already changed and others not yet.
void ServiceRecords::write(std::uint32_t index, const ServiceOptions& options) {
    shoal_service& record = tables_->services[index];
    const shoal_service wanted = to_record(key_of(record), options, hz());
    store_shared(record.key.family, wanted.key.family);
    store_shared(record.scheduler, wanted.scheduler);
    store_shared(record.flags, wanted.flags);
    store_shared(record.persistence_mask, wanted.persistence_mask);
    store_shared(record.persistence_length_v6, wanted.persistence_length_v6);
    store_shared(record.persistence_timeout, wanted.persistence_timeout);
    store_shared(record.mh_table_size, wanted.mh_table_size);
    applied_[index] = options;
}

Result<void> ServiceRecords::edit(std::uint32_t index, const ServiceOptions& options) {
    if (auto done = access_.add(index, to_access(options)); !done) return done;
    write(index, options);
    return {};
}

Result<void> ServiceRecords::finish(std::uint32_t index, const ServiceOptions& options) {
    return access_.remove_others(index, to_access(options));
}

Result<void> ServiceRecords::assign(const std::set<Endpoint>& endpoints) {
    PortTables::Assignments wanted;
    for (const Endpoint& endpoint : endpoints)
        wanted[endpoint] = assign_ports(claims_.at(endpoint));
    return ports_.put(wanted);
}

void ServiceRecords::publish(std::uint32_t index) {
    shoal_service& record = tables_->services[index];
    store_shared(record.in_use, 1U);
    keys_[key_of(record)] = index;
    reserved_.erase(index);
}

void ServiceRecords::hide(std::uint32_t index) {
    shoal_service& record = tables_->services[index];
    store_shared(record.in_use, 0U);
    keys_.erase(key_of(record));
}

Result<void> ServiceRecords::forget(std::uint32_t index) {
    applied_.erase(index);
    reserved_.erase(index);
    return access_.remove_others(index, {});
}

void ServiceRecords::schedule_as(std::uint32_t index, const Pool& pool) const {
    shoal_service& record = tables_->services[index];
    store_shared(record.scheduler, pool.scheduler);
    store_shared(record.flags, (record.flags & ~pool_flags) | (pool.flags & pool_flags));
    if (pool.scheduler == SHOAL_SCHEDULER_MH) store_shared(record.mh_table_size, pool.mh_size);
}

void ServiceRecords::raise_load_epoch(std::uint32_t index) const {
    shoal_service& record = tables_->services[index];
    store_shared(record.load_epoch, static_cast<__u16>(record.load_epoch + 1));
}

std::set<net::Address> ServiceRecords::addresses() const {
    std::set<net::Address> addresses;
    for (const auto& [endpoint, assignment] : ports_.held())
        addresses.insert(endpoint.address);
    return addresses;
}

}  // namespace shoal::dataplane
