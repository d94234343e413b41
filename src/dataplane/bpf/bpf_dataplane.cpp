#include "dataplane/bpf/bpf_dataplane.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <optional>

#include "base/log.h"
#include "dataplane/bpf/connection_reader.h"
#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/device_records.h"
#include "dataplane/bpf/explainer.h"
#include "dataplane/bpf/fragment_holder.h"
#include "dataplane/bpf/hooks.h"
#include "dataplane/bpf/installation.h"
#include "dataplane/bpf/pin_directory.h"
#include "dataplane/bpf/self_check.h"
#include "dataplane/bpf/statistics.h"
#include "dataplane/bpf/tracer.h"
#include "dataplane/bpf/virtual_servers.h"

namespace shoal::dataplane {

struct BpfDataplane::Parts {
    Parts(PinDirectory directory, Installation installed)
        : pins(std::move(directory)),
          installation(std::move(installed)),
          virtual_servers(installation.tables, pins,
                          [this](std::uint32_t service) { refresh_pool(service); }),
          hooks(program("shoal_tc"),
                XdpPrograms(program("shoal_xdp"), std::move(installation.former_xdp))),
          devices(installation.tables.devices),
          tracer(installation.tables) {}

    int program(const char* name) const { return installation.programs.at(name).get(); }
    const Tables& tables() const { return installation.tables; }

    /// Afterwards early fragments are dropped.
    ~Parts() { name_holder(0); }
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;

    void name_holder(int interface) const {
        store_shared(tables().settings[0].fragment_holder, static_cast<__u32>(interface));
    }

    bool has_first_fragment(const shoal_fragment_key& key) const {
        shoal_connection connection{};
        return bpf_map_lookup_elem(tables().fd("fragments"), &key, &connection) == 0;
    }

    Result<void> hold_fragments() {
        auto started = FragmentHolder::start(
            [this](const shoal_fragment_key& key) { return has_first_fragment(key); });
        if (!started) return fail(started.error());
        const Device& device = (*started)->device();
        auto attached = attach_tc(device, program("shoal_tc"), model::HookChoice::tc);
        if (!attached) return attached;
        holder = std::move(*started);
        name_holder(device.index);
        return {};
    }

    void refresh_pool(std::uint32_t service) const {
        // Where it fails, the next change of each load does it.
        static_cast<void>(run_program(program("refresh_pool"), service));
    }

    /// A device may take no frames from XDP while its own program comes or goes.
    template <class Change>
    Result<void> change_hooks(Change change) {
        devices.forget();
        auto done = change();
        if (const auto now = hooks.observe()) devices.refresh(*now);
        return done;
    }

    Result<void> set_timeouts(const model::ConnectionTimeouts& wanted) {
        put_timeouts(tables().settings[0], wanted);
        timeouts = wanted;
        return {};
    }

    Result<void> set_secure_tcp(bool on) const {
        store_shared(tables().settings[0].secure_tcp, on ? 1U : 0U);
        return {};
    }

    /// The kernel counts in ticks: where the wanted times round to what is set, they are what is
    /// set.
    model::ConnectionTimeouts observed_timeouts() const {
        const shoal_settings& settings = tables().settings[0];
        if (!timeouts) return timeouts_from(settings);
        shoal_settings rounded = settings;
        put_timeouts(rounded, *timeouts);
        const auto now = timeouts_from(settings);
        return timeouts_from(rounded) == now ? *timeouts : now;
    }

    PinDirectory pins;
    Installation installation;
    VirtualServers virtual_servers;
    Hooks hooks;
    DeviceRecords devices;
    Tracer tracer;
    /// As last applied by this process.
    std::optional<model::ConnectionTimeouts> timeouts;
    /// Uses the tables above.
    std::unique_ptr<FragmentHolder> holder;
};

namespace {

std::unexpected<Error> withdrawn() {
    return fail("the data plane has been withdrawn");
}

bool is_of_virtual_server(const Operation& operation) {
    return !std::holds_alternative<SetTimeouts>(operation) &&
           !std::holds_alternative<SetSecureTcp>(operation) &&
           !std::holds_alternative<AttachHook>(operation) &&
           !std::holds_alternative<DetachHook>(operation);
}

}  // namespace

/// Those that are applied one by one.
struct BpfDataplane::ApplyOne {
    Parts& parts;
    Result<void> operator()(const SetTimeouts& op) { return parts.set_timeouts(op.timeouts); }
    Result<void> operator()(const SetSecureTcp& op) { return parts.set_secure_tcp(op.secure_tcp); }
    Result<void> operator()(const AttachHook& op) {
        return parts.change_hooks([&] { return parts.hooks.attach(op); });
    }
    Result<void> operator()(const DetachHook& op) {
        return parts.change_hooks([&] { return parts.hooks.detach(op); });
    }
    Result<void> operator()(const auto& op) {
        return std::move(parts.virtual_servers.apply(std::array<Operation, 1>{op}).front());
    }
};

BpfDataplane::BpfDataplane(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
BpfDataplane::~BpfDataplane() = default;

Result<std::unique_ptr<BpfDataplane>> BpfDataplane::open(const BpfOptions& options) {
    if (!std::has_single_bit(options.table_size) || options.table_size < 1024 ||
        options.table_size > SHOAL_MAX_CELLS) {
        return fail(fmt::format("table size {} is not a power of two from {} to {}",
                                options.table_size, 1024, SHOAL_MAX_CELLS));
    }
    auto pins = PinDirectory::open(options.pin_directory);
    if (!pins) return fail(pins.error());
    auto installation = install(*pins, TableSizes{options.table_size});
    if (!installation) return fail(installation.error());
    auto parts = std::make_unique<Parts>(std::move(*pins), std::move(*installation));
    if (auto done = parts->virtual_servers.repair(); !done) return fail(done.error());
    if (parts->installation.adopted) {
        if (auto done = parts->hooks.replace_programs(); !done) return fail(done.error());
        if (auto done = settle_programs(parts->pins, parts->installation.programs); !done) {
            return fail(done.error());
        }
    }
    // What a dead process held by is gone.
    parts->name_holder(0);
    if (options.hold_fragments) {
        if (auto held = parts->hold_fragments(); !held) {
            log(Message::fragments_not_held, "{}", held.error().message);
        }
    }
    return std::unique_ptr<BpfDataplane>(new BpfDataplane(std::move(parts)));
}

bool BpfDataplane::adopted() const {
    return parts_ && parts_->installation.adopted;
}

Result<State> BpfDataplane::observe() {
    if (!parts_) return withdrawn();
    auto entries = parts_->virtual_servers.list();
    if (!entries) return fail(entries.error());
    auto hooks = parts_->hooks.observe();
    if (!hooks) return fail(hooks.error());
    parts_->devices.refresh(*hooks);
    State state{{},
                std::move(*hooks),
                parts_->observed_timeouts(),
                parts_->tables().settings[0].secure_tcp != 0,
                parts_->virtual_servers.kept_addresses()};
    for (auto& entry : *entries) {
        entry.service.options = parts_->virtual_servers.options(entry.index);
        state.services.push_back(std::move(entry.service));
    }
    return state;
}

std::vector<Result<void>> BpfDataplane::apply_all(std::span<const Operation> operations) {
    if (!parts_) return std::vector<Result<void>>(operations.size(), withdrawn());
    std::vector<Result<void>> results;
    const auto is_single = [](const Operation& operation) {
        return !is_of_virtual_server(operation);
    };
    for (auto next = operations.begin(); next != operations.end();) {
        const auto end = std::find_if(next, operations.end(), is_single);
        if (next != end) {
            std::ranges::move(parts_->virtual_servers.apply(std::span(next, end)),
                              std::back_inserter(results));
        }
        if (end == operations.end()) break;
        results.push_back(std::visit(ApplyOne{*parts_}, *end));
        next = end + 1;
    }
    return results;
}

Result<void> BpfDataplane::set_next_hop(const net::Address& real_server, const NextHop& hop) {
    if (!parts_) return withdrawn();
    parts_->virtual_servers.set_next_hop(real_server, hop);
    return {};
}

void BpfDataplane::invalidate_client_next_hops() {
    if (!parts_) return;
    __atomic_add_fetch(&parts_->tables().settings[0].route_generation, 1, __ATOMIC_SEQ_CST);
}

Result<Statistics> BpfDataplane::statistics() {
    if (!parts_) return withdrawn();
    const auto entries = parts_->virtual_servers.list();
    if (!entries) return fail(entries.error());
    return read_statistics(parts_->tables(), *entries);
}

Result<ConnectionPage> BpfDataplane::connections(const ConnectionFilter& filter, std::uint32_t from,
                                                 std::uint32_t scan) {
    if (!parts_) return withdrawn();
    const auto marked = [this](std::uint32_t service) {
        return parts_->virtual_servers.matches_of(service);
    };
    return read_connections(parts_->tables(), marked, filter, from, scan);
}

Result<std::uint64_t> BpfDataplane::begin_trace(const TraceFilter& filter) {
    if (!parts_) return withdrawn();
    return parts_->tracer.begin(filter);
}

Result<TracePage> BpfDataplane::read_trace(std::uint64_t trace) {
    if (!parts_) return withdrawn();
    return parts_->tracer.read(trace);
}

void BpfDataplane::end_trace(std::uint64_t trace) {
    if (parts_) parts_->tracer.end(trace);
}

Result<Explanation> BpfDataplane::explain(const PacketQuestion& question) {
    if (!parts_) return withdrawn();
    return dataplane::explain(parts_->tables(), parts_->program("explain"), parts_->virtual_servers,
                              question);
}

Result<void> BpfDataplane::withdraw() {
    if (!parts_) return {};
    parts_->devices.forget();
    if (auto done = parts_->hooks.detach_all(); !done) return done;
    if (auto done = clear_pins(parts_->pins); !done) return done;
    if (auto done = parts_->pins.remove_if_unused(); !done) return done;
    // Only now, so that whatever failed before can be tried again. The sweeper ends with the last
    // descriptor of its map.
    parts_.reset();
    return {};
}

Result<std::vector<std::string>> BpfDataplane::self_check() {
    if (!parts_) return withdrawn();
    return compare_counts(parts_->tables());
}

}  // namespace shoal::dataplane
