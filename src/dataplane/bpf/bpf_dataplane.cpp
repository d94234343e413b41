#include "dataplane/bpf/bpf_dataplane.h"

#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <optional>
#include <utility>

#include "base/log.h"
#include "dataplane/bpf/connection_reader.h"
#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/counters.h"
#include "dataplane/bpf/device_records.h"
#include "dataplane/bpf/explainer.h"
#include "dataplane/bpf/fragment_holder.h"
#include "dataplane/bpf/hooks.h"
#include "dataplane/bpf/installation.h"
#include "dataplane/bpf/mover.h"
#include "dataplane/bpf/pin_directory.h"
#include "dataplane/bpf/record_layout.h"
#include "dataplane/bpf/self_check.h"
#include "dataplane/bpf/signal_reader.h"
#include "dataplane/bpf/statistics.h"
#include "dataplane/bpf/successor.h"
#include "dataplane/bpf/tracer.h"
#include "dataplane/bpf/verdict_texts.h"
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
          tracer(std::make_unique<Tracer>(installation.tables)) {
        tracer->trace_at(tables(), former());
    }

    int program(const char* name) const { return installation.programs.at(name).get(); }
    const Tables& tables() const { return installation.tables; }

    /// Afterwards early fragments are dropped.
    ~Parts() {
        if (holder) name_holder(0);
    }
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;

    void name_holder(int interface) const {
        change_settings([&](shoal_settings& settings) {
            store_shared(settings.fragment_holder, static_cast<__u32>(interface));
        });
    }

    Result<void> hold_fragments() {
        // Common to all tables of this version, and the holder outlives this one.
        auto v4 = duplicate(tables().fd("fragments"));
        if (!v4) return fail(v4.error());
        auto v6 = duplicate(tables().fd("fragments6"));
        if (!v6) return fail(v6.error());
        using Maps = std::pair<Descriptor, Descriptor>;
        const auto maps = std::make_shared<const Maps>(std::move(*v4), std::move(*v6));
        auto started = FragmentHolder::start([maps](const shoal_fragment_key& key) {
            shoal_fragment found{};
            const Descriptor& map = key.family == 6 ? maps->second : maps->first;
            return bpf_map_lookup_elem(map.get(), &key, &found) == 0;
        });
        if (!started) return fail(started.error());
        const Device& device = (*started)->device();
        auto attached = attach_tc(device, program("shoal_tc"), model::HookChoice::tc);
        if (!attached) return attached;
        holder = std::move(*started);
        name_holder(device.index);
        return {};
    }

    /// What goes on over a change of the table. `other` is left without it.
    void take_over(Parts& other) {
        timeouts = other.timeouts;
        installation.adopted = other.installation.adopted;
        virtual_servers.take_next_hops_of(other.virtual_servers);
        holder = std::move(other.holder);
        if (holder) name_holder(holder->device().index);
        std::swap(tracer, other.tracer);
        tracer->trace_at(tables(), former());
        std::swap(signals, other.signals);
        if (signals) signals->read_from(tables());
    }

    void refresh_pool(std::uint32_t service) const {
        // Where it fails, the next change of each load does it.
        static_cast<void>(run_program(program("refresh_pool"), service));
    }

    /// A device may take no frames from XDP while its own program comes or goes.
    template <class Change>
    Result<void> change_hooks(Change change) {
        if (moving()) {
            return fail("the connections are moving to another table; hooks change afterwards");
        }
        devices.forget();
        auto done = change();
        if (const auto now = hooks.observe()) devices.refresh(*now);
        return done;
    }

    /// Connections are being moved to the table from another one.
    bool moving() const { return installation.former.has_value(); }
    /// That one, where it is of this version.
    const Tables* former() const {
        return moving() && installation.former->tables ? &*installation.former->tables : nullptr;
    }
    /// Where its programs count verdicts; -1: there are none.
    int former_verdicts() const {
        if (!moving()) return -1;
        const auto map = installation.former->maps.find("verdicts");
        return map != installation.former->maps.end() ? map->second.get() : -1;
    }
    /// Of the table, and of the one that connections are being moved from.
    template <class Change>
    void change_settings(Change change) const {
        change(tables().settings[0]);
        if (former() != nullptr) change(former()->settings[0]);
    }

    Result<void> set_timeouts(const model::ConnectionTimeouts& wanted) {
        change_settings([&](shoal_settings& settings) { put_timeouts(settings, wanted); });
        timeouts = wanted;
        return {};
    }

    Result<void> set_secure_tcp(bool on) const {
        change_settings(
            [&](shoal_settings& settings) { store_shared(settings.secure_tcp, on ? 1U : 0U); });
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

    /// Where the table's own maps are pinned, and the programs.
    Result<PinDirectory> table_pins() const {
        if (!moving()) return pins;
        return PinDirectory::open(pins.path() / successor_directory);
    }

    Result<void> add_ipv6() {
        const auto directory = table_pins();
        if (!directory) return fail(directory.error());
        return dataplane::add_ipv6(*directory, installation);
    }

    PinDirectory pins;
    Installation installation;
    std::optional<Mover> mover;
    VirtualServers virtual_servers;
    Hooks hooks;
    DeviceRecords devices;
    std::unique_ptr<Tracer> tracer;
    /// Null until the data plane is whole.
    std::unique_ptr<SignalReader> signals;
    /// As last applied by this process.
    std::optional<model::ConnectionTimeouts> timeouts;
    /// Null where early fragments are dropped.
    std::unique_ptr<FragmentHolder> holder;
};

namespace {

std::unexpected<Error> withdrawn() {
    return fail("the data plane has been withdrawn");
}

/// More than the usual only where they are needed: each real server takes 230 bytes, and 64 more
/// for each CPU.
TableSizes sizes_for(const BpfOptions& options) {
    const bool many = options.virtual_servers > SHOAL_USUAL_SERVICES ||
                      options.real_servers > SHOAL_USUAL_SERVERS;
    return many ? TableSizes{options.table_size, SHOAL_MAX_SERVICES, SHOAL_MAX_SERVERS}
                : TableSizes{options.table_size};
}

Result<void> check_table_size(std::uint32_t cells) {
    if (std::has_single_bit(cells) && cells >= 1024 && cells <= SHOAL_MAX_CELLS) return {};
    return fail(fmt::format("table size {} is not a power of two from {} to {}", cells, 1024,
                            SHOAL_MAX_CELLS));
}

/// With fewer free cells than an eighth, half-open connections would be ended from the first packet
/// on.
Result<void> check_room(std::uint32_t cells, std::uint32_t used) {
    if (used <= cells - (cells >> SHOAL_RESERVE_SHIFT)) return {};
    return fail(
        fmt::format("a table of {} cells is too small for the {} connections and templates that "
                    "there are, with an eighth to spare: raise table_size in [global], or wait "
                    "until there are fewer",
                    cells, used));
}

bool is_of_virtual_server(const Operation& operation) {
    return !std::holds_alternative<SetTimeouts>(operation) &&
           !std::holds_alternative<SetSecureTcp>(operation) &&
           !std::holds_alternative<AttachHook>(operation) &&
           !std::holds_alternative<DetachHook>(operation) &&
           !std::holds_alternative<SetTableSize>(operation);
}

/// While the table that runs opens connections still, none is in the one beside it: the next
/// attempt makes its own, and the memory of this one is given back.
Result<void> drop_unused_successor(const PinDirectory& pins) {
    const auto marker = pins.get(commit_marker);
    if (!marker) return fail(marker.error());
    if (!*marker) return {};
    const auto settings = NumberRecord::read(marker->get());
    if (!settings) return fail(settings.error());
    if (settings->get("draining") != 0) return {};
    const auto successor = find_successor(pins);
    if (!successor) return fail(successor.error());
    if (!*successor) return {};
    const auto own = (*successor)->get(commit_marker);
    if (!own) return fail(own.error());
    if (!is_of_this_version(own->get())) return {};
    if (auto done = Hooks::step_back(); !done) return done;
    return drop_successor(pins);
}

bool adds_ipv6(const Operation& operation) {
    const auto* addition = std::get_if<AddService>(&operation);
    return addition != nullptr && addition->key.address.is_v6();
}

}  // namespace

/// Those that are applied one by one.
struct BpfDataplane::ApplyOne {
    BpfDataplane& dataplane;
    Parts& parts = *dataplane.parts_;
    Result<void> operator()(const SetTableSize& op) { return dataplane.resize(op.cells); }
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

Result<std::unique_ptr<BpfDataplane::Parts>> BpfDataplane::open_parts(PinDirectory pins,
                                                                      TableSizes sizes) {
    auto installation = install(pins, sizes);
    if (!installation) return fail(installation.error());
    auto parts = std::make_unique<Parts>(std::move(pins), std::move(*installation));
    if (parts->moving()) {
        auto mover = Mover::load(parts->tables(), *parts->installation.former);
        if (!mover) return fail(mover.error());
        parts->mover = std::move(*mover);
    }
    if (auto done = parts->virtual_servers.repair(); !done) return fail(done.error());
    return parts;
}

Result<std::unique_ptr<BpfDataplane>> BpfDataplane::open(const BpfOptions& options) {
    if (auto good = check_table_size(options.table_size); !good) return fail(good.error());
    auto pins = PinDirectory::open(options.pin_directory);
    if (!pins) return fail(pins.error());
    auto dataplane = open_settled(*pins, sizes_for(options));
    if (!dataplane) {
        static_cast<void>(drop_unused_successor(*pins));
        return dataplane;
    }
    // What a dead process held by is gone.
    (*dataplane)->parts_->name_holder(0);
    if (options.hold_fragments) {
        if (auto held = (*dataplane)->parts_->hold_fragments(); !held) {
            log(Message::fragments_not_held, "{}", held.error().message);
        }
    }
    return dataplane;
}

Result<std::unique_ptr<BpfDataplane>> BpfDataplane::open_settled(const PinDirectory& pins,
                                                                 TableSizes sizes) {
    auto parts = open_parts(pins, sizes);
    if (!parts) return fail(parts.error());
    std::unique_ptr<BpfDataplane> dataplane(new BpfDataplane(std::move(*parts)));
    const Installation& installation = dataplane->parts_->installation;
    if (installation.former && installation.former->version != SHOAL_ABI_VERSION)
        log(Message::table_moving, "from layout version {} to {}", installation.former->version,
            SHOAL_ABI_VERSION);
    if (dataplane->adopted()) {
        if (auto done = dataplane->settle(); !done) return fail(done.error());
    }
    auto signals = SignalReader::open();
    if (!signals) return fail(signals.error());
    dataplane->parts_->signals = std::move(*signals);
    dataplane->parts_->signals->read_from(dataplane->parts_->tables());
    return dataplane;
}

/// Puts the programs where those of an earlier shoald are attached, or behind those of the table
/// that connections are to be moved from. From then on that one opens no more of its own.
Result<void> BpfDataplane::settle() {
    auto attached =
        parts_->moving() ? parts_->hooks.stand_behind() : parts_->hooks.replace_programs();
    if (!attached) return attached;
    const auto pins = parts_->table_pins();
    if (!pins) return fail(pins.error());
    if (auto done = settle_programs(*pins, parts_->installation.programs); !done) return done;
    if (!parts_->moving()) return {};
    auto settings = NumberRecord::read(parts_->installation.former->maps.at("settings").get());
    if (!settings) return fail(settings.error());
    return settings->put("draining", 1);
}

Result<void> BpfDataplane::resize(std::uint32_t cells) {
    if (parts_->moving()) {
        return fail("the connections are moving to another table already");
    }
    if (auto good = check_table_size(cells); !good) return good;
    const Tables& present = parts_->tables();
    if (auto fits = check_room(cells, load_shared(present.sweeper[0].used)); !fits) return fits;
    const TableSizes sizes{cells, present.services.size(), present.servers.size()};
    if (auto fits = check_memory(sizes, present.table_bytes()); !fits) return fits;
    const auto settings = NumberRecord::read(present.fd(commit_marker));
    if (!settings) return fail(settings.error());
    auto made = make_successor(parts_->pins, present.maps, *settings, sizes);
    if (!made) return made;
    auto next = open_parts(parts_->pins, sizes);
    if (!next) {
        static_cast<void>(drop_successor(parts_->pins));
        return fail(next.error());
    }
    (*next)->take_over(*parts_);
    std::swap(parts_, *next);
    auto settled = settle();
    if (settled) return settled;
    // No packet needs the new table yet.
    static_cast<void>(parts_->hooks.step_back());
    std::swap(parts_, *next);
    parts_->take_over(**next);
    static_cast<void>(drop_successor(parts_->pins));
    return settled;
}

Result<Work> BpfDataplane::advance() {
    if (!parts_) return withdrawn();
    if (!parts_->moving()) return Work::none;
    const auto work = parts_->mover->step();
    if (!work || *work != Work::none) return work;
    // The former table is empty, its programs leave everything to those behind.
    if (auto done = parts_->hooks.replace_programs(); !done) return fail(done.error());
    if (parts_->former() == nullptr) {
        auto kept = keep_verdicts(parts_->tables(), parts_->former_verdicts());
        if (!kept) return fail(kept.error());
        if (auto gone = drop_unknown_pins(parts_->pins); !gone) return fail(gone.error());
    }
    if (auto done = promote_successor(parts_->pins); !done) return fail(done.error());
    parts_->mover.reset();
    parts_->installation.former.reset();
    parts_->hooks.forget_former();
    parts_->tracer->trace_at(parts_->tables(), nullptr);
    if (auto done = settle_programs(parts_->pins, parts_->installation.programs); !done) {
        return fail(done.error());
    }
    return Work::none;
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
                parts_->virtual_servers.kept_addresses(),
                parts_->tables().sizes().cells};
    for (auto& entry : *entries) {
        entry.service.options = parts_->virtual_servers.options(entry.index);
        state.services.push_back(std::move(entry.service));
    }
    return state;
}

std::vector<Result<void>> BpfDataplane::apply_all(std::span<const Operation> operations) {
    if (!parts_) return std::vector<Result<void>>(operations.size(), withdrawn());
    if (std::ranges::any_of(operations, adds_ipv6)) {
        if (const auto done = parts_->add_ipv6(); !done) return apply_but_ipv6(operations, done);
    }
    return apply_in_turn(operations);
}

/// What has nothing to do with IPv6 does not suffer from what it lacks.
std::vector<Result<void>> BpfDataplane::apply_but_ipv6(std::span<const Operation> operations,
                                                       const Result<void>& lacking) {
    std::vector<Result<void>> results;
    for (const Operation& operation : operations) {
        results.push_back(adds_ipv6(operation)
                              ? lacking
                              : std::move(apply_in_turn(std::span(&operation, 1)).front()));
    }
    return results;
}

std::vector<Result<void>> BpfDataplane::apply_in_turn(std::span<const Operation> operations) {
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
        results.push_back(std::visit(ApplyOne{*this}, *end));
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
    parts_->change_settings([](shoal_settings& settings) {
        __atomic_add_fetch(&settings.route_generation, 1, __ATOMIC_SEQ_CST);
    });
}

Result<Statistics> BpfDataplane::statistics() {
    if (!parts_) return withdrawn();
    const auto entries = parts_->virtual_servers.list();
    if (!entries) return fail(entries.error());
    auto statistics =
        read_statistics(parts_->tables(), parts_->former(), parts_->former_verdicts(), *entries);
    if (statistics && parts_->moving() && parts_->former() == nullptr) {
        const FormerTable& former = *parts_->installation.former;
        statistics->table.former_size = former.sizes.cells;
        statistics->table.memory_bytes += table_bytes_of(former.maps);
    }
    return statistics;
}

Result<ConnectionPage> BpfDataplane::connections(const ConnectionFilter& filter, std::uint32_t from,
                                                 std::uint32_t scan) {
    if (!parts_) return withdrawn();
    const auto marked = [this](std::uint32_t service) {
        return parts_->virtual_servers.matches_of(service);
    };
    const Tables* former = parts_->former();
    if (former == nullptr) return read_connections(parts_->tables(), marked, filter, from, scan);
    // First those that still have to move: who moves meanwhile is shown twice rather than not.
    const std::uint32_t first = former->sizes().cells;
    if (from < first) {
        auto page = read_connections(*former, marked, filter, from, scan);
        page.next = page.next.value_or(first);
        return page;
    }
    auto page = read_connections(parts_->tables(), marked, filter, from - first, scan);
    if (page.next) *page.next += first;
    return page;
}

Result<std::uint64_t> BpfDataplane::begin_trace(const TraceFilter& filter) {
    if (!parts_) return withdrawn();
    return parts_->tracer->begin(filter);
}

Result<TracePage> BpfDataplane::read_trace(std::uint64_t trace) {
    if (!parts_) return withdrawn();
    return parts_->tracer->read(trace);
}

void BpfDataplane::end_trace(std::uint64_t trace) {
    if (parts_) parts_->tracer->end(trace);
}

int BpfDataplane::signal_descriptor() const {
    return parts_ ? parts_->signals->descriptor() : -1;
}

std::vector<Signal> BpfDataplane::take_signals() {
    return parts_ ? parts_->signals->take() : std::vector<Signal>{};
}

/// While connections move, the former table's programs come first, and say so where the others go
/// on.
Result<Explanation> BpfDataplane::explain(const PacketQuestion& question) {
    if (!parts_) return withdrawn();
    const char* name = question.virtual_address.is_v6() ? "explain_ipv6" : "explain";
    if (const Tables* former = parts_->former()) {
        const auto program = parts_->pins.get(name);
        if (!program) return fail(program.error());
        if (*program) {
            auto told =
                dataplane::explain(*former, program->get(), parts_->virtual_servers, question);
            if (!told || told->verdict != verdict_texts[SHOAL_VERDICT_left_to_successor].name)
                return told;
        }
    }
    const auto& programs = parts_->installation.programs;
    const auto program = programs.find(name);
    return dataplane::explain(parts_->tables(),
                              program == programs.end() ? -1 : program->second.get(),
                              parts_->virtual_servers, question);
}

Result<void> BpfDataplane::withdraw() {
    if (!parts_) return {};
    parts_->devices.forget();
    // One of them that fails does not keep the other in place.
    const auto checks_ended = check_ways_.serve({});
    if (auto done = parts_->hooks.detach_all(); !done) return done;
    if (!checks_ended) return checks_ended;
    if (parts_->moving() && parts_->former() == nullptr) {
        if (auto gone = drop_unknown_pins(parts_->pins); !gone) return gone;
    }
    if (auto done = clear_pins(parts_->pins); !done) return done;
    if (auto done = parts_->pins.remove_if_unused(); !done) return done;
    // Only now, so that whatever failed before can be tried again. The sweeper ends with the last
    // descriptor of its map.
    parts_.reset();
    return {};
}

Result<std::vector<std::string>> BpfDataplane::self_check() {
    if (!parts_) return withdrawn();
    return compare_counts(parts_->tables(), parts_->former());
}

}  // namespace shoal::dataplane
