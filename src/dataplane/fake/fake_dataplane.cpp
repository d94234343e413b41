#include "dataplane/fake/fake_dataplane.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dataplane/connection_filter.h"
#include "dataplane/port_claims.h"

namespace shoal::dataplane {

namespace {

/// Applies one operation to a state; services are kept in the order of their keys.
class Change {
  public:
    /// `later`: the rest of the batch.
    Change(State& state, std::span<const Operation> later) : state_(state), later_(later) {}

    Result<void> operator()(const SetTimeouts& set) {
        state_.timeouts = set.timeouts;
        return {};
    }

    Result<void> operator()(const SetTableSize& set) {
        state_.table_size = set.cells;
        return {};
    }

    Result<void> operator()(const SetSecureTcp& set) {
        state_.secure_tcp = set.secure_tcp;
        return {};
    }

    Result<void> operator()(const AddService& add) {
        auto& services = state_.services;
        const auto place = std::ranges::lower_bound(services, add.key, {}, &Service::key);
        if (place != services.end() && place->key == add.key) {
            return fail(fmt::format("virtual server {} exists already", add.key.to_string()));
        }
        if (auto good = check_ports(add.key, add.options); !good) return good;
        services.insert(place, Service{add.key, add.options, {}});
        return {};
    }

    Result<void> operator()(const EditService& edit) {
        return service(edit.key).and_then([&](Service* it) -> Result<void> {
            if (auto good = check_ports(edit.key, edit.options); !good) return good;
            if (auto good = check_pool(edit.options.scheduler, it->servers.size()); !good) {
                return good;
            }
            it->options = edit.options;
            return {};
        });
    }

    Result<void> operator()(const RemoveService& remove) {
        return service(remove.key).and_then([&](Service* it) -> Result<void> {
            state_.services.erase(state_.services.begin() + (it - state_.services.data()));
            return {};
        });
    }

    Result<void> operator()(const AddServer& add) {
        return service(add.service).and_then([&](Service* it) -> Result<void> {
            if (std::ranges::count(it->servers, add.server.key, &Server::key) > 0) {
                return fail(
                    fmt::format("real server {} exists already", add.server.key.to_string()));
            }
            if (auto good = check_pool(it->options.scheduler, it->servers.size() + 1); !good) {
                return good;
            }
            it->servers.insert(it->servers.begin(), add.server);
            return {};
        });
    }

    Result<void> operator()(const EditServer& edit) {
        return server(edit.service, edit.server.key).and_then([&](Place place) -> Result<void> {
            *place.server = edit.server;
            return {};
        });
    }

    Result<void> operator()(const RemoveServer& remove) {
        return server(remove.service, remove.server).and_then([](Place place) -> Result<void> {
            place.service->servers.erase(place.server);
            return {};
        });
    }

    Result<void> operator()(const AttachHook& attach) {
        const bool xdp = attach.choice == model::HookChoice::xdp;
        state_.hooks[attach.device] =
            Hook{attach.choice, xdp ? model::HookChoice::xdp : model::HookChoice::tc, "fake"};
        return {};
    }

    Result<void> operator()(const DetachHook& detach) {
        if (state_.hooks.erase(detach.device) > 0) return {};
        return fail(fmt::format("device {} has no hook", detach.device));
    }

  private:
    struct Place {
        Service* service;
        std::vector<Server>::iterator server;
    };

    /// A virtual server that the batch removes later is in nobody's way.
    Result<void> check_ports(const ServiceKey& key, const ServiceOptions& options) const {
        const auto leaves = [&](const Service& other) {
            return std::ranges::any_of(later_, [&](const Operation& operation) {
                const auto* remove = std::get_if<RemoveService>(&operation);
                return remove != nullptr && remove->key == other.key;
            });
        };
        for (const PortClaim& mine : claims_of(key, options)) {
            for (const Service& other : state_.services) {
                if (other.key == key || leaves(other)) continue;
                for (const PortClaim& theirs : claims_of(other.key, other.options)) {
                    if (collide(mine, theirs)) return fail(collision(key, other.key));
                }
            }
        }
        return {};
    }

    Result<Service*> service(const ServiceKey& key) {
        const auto found = std::ranges::find(state_.services, key, &Service::key);
        if (found != state_.services.end()) return &*found;
        return fail(fmt::format("there is no virtual server {}", key.to_string()));
    }

    Result<Place> server(const ServiceKey& of, const ServerKey& key) {
        return service(of).and_then([&](Service* it) -> Result<Place> {
            const auto found = std::ranges::find(it->servers, key, &Server::key);
            if (found != it->servers.end()) return Place{it, found};
            return fail(fmt::format("{} has no real server {}", of.to_string(), key.to_string()));
        });
    }

    State& state_;
    std::span<const Operation> later_;
};

}  // namespace

Result<State> FakeDataplane::observe() {
    if (observe_failure_) return fail(*observe_failure_);
    return state_;
}

std::vector<Result<void>> FakeDataplane::apply_all(std::span<const Operation> operations) {
    std::vector<Result<void>> results;
    for (std::size_t i = 0; i < operations.size(); ++i)
        results.push_back(apply_one(operations[i], operations.subspan(i + 1)));
    return results;
}

Result<void> FakeDataplane::apply_one(const Operation& operation,
                                      std::span<const Operation> later) {
    if (refusal_) {
        if (const auto reason = refusal_(operation)) return fail(*reason);
    }
    auto done = std::visit(Change(state_, later), operation);
    if (done) applied_.push_back(operation);
    return done;
}

Result<void> FakeDataplane::set_next_hop(const net::Address& real_server, const NextHop& hop) {
    next_hops_[real_server] = hop;
    return {};
}

Result<Statistics> FakeDataplane::statistics() {
    if (statistics_) return *statistics_;
    Statistics statistics;
    for (const Service& service : state_.services) {
        ServiceLoad load{service.key, {}, {}};
        for (const Server& server : service.servers) {
            load.servers.push_back(ServerLoad{.key = server.key});
        }
        statistics.services.push_back(std::move(load));
    }
    return statistics;
}

/// Of a template.
bool FakeDataplane::has_service(const ConnectionFilter& filter,
                                const model::Connection& connection) const {
    return std::ranges::any_of(state_.services, [&](const Service& service) {
        const ServiceKey& key = service.key;
        const bool owns = key.mark != 0 ? key.mark == connection.mark
                                        : key.protocol == connection.protocol &&
                                              key.address == connection.virtual_address;
        return owns && takes_part(filter, key, service.options.matches);
    });
}

Result<ConnectionPage> FakeDataplane::connections(const ConnectionFilter& filter,
                                                  std::uint32_t from, std::uint32_t scan) {
    ConnectionPage page;
    const std::size_t end = std::min<std::size_t>(connections_.size(), std::size_t{from} + scan);
    for (std::size_t cell = from; cell < end; ++cell) {
        const model::Connection& connection = connections_[cell];
        if (matches(filter, connection) &&
            (!is_template(connection) || has_service(filter, connection)))
            page.connections.push_back(connection);
    }
    if (end < connections_.size()) page.next = static_cast<std::uint32_t>(end);
    return page;
}

Result<std::uint64_t> FakeDataplane::begin_trace(const TraceFilter& /*filter*/) {
    if (traces_) return fail("somebody else traces now");
    traces_ = true;
    return ++trace_;
}

Result<TracePage> FakeDataplane::read_trace(std::uint64_t trace) {
    if (!traces_ || trace != trace_) return fail("this trace has ended");
    return std::exchange(shown_, {});
}

void FakeDataplane::end_trace(std::uint64_t trace) {
    if (trace == trace_) traces_ = false;
}

Result<Explanation> FakeDataplane::explain(const PacketQuestion& /*question*/) {
    Explanation answer;
    answer.verdict = "foreign";
    return answer;
}

void FakeDataplane::signal(Signal signal) {
    signals_.push_back(std::move(signal));
    eventfd_write(signal_descriptor_.get(), 1);
}

std::vector<Signal> FakeDataplane::take_signals() {
    eventfd_t count = 0;
    eventfd_read(signal_descriptor_.get(), &count);
    return std::exchange(signals_, {});
}

Result<Work> FakeDataplane::advance() {
    if (work_.empty()) return Work::none;
    const Work work = work_.back();
    work_.pop_back();
    return work;
}

Result<void> FakeDataplane::withdraw() {
    state_ = {};
    withdrawn_ = true;
    return {};
}

}  // namespace shoal::dataplane
