#include "director/executor.h"

#include <algorithm>

#include "base/log.h"
#include "model/choices.h"

namespace shoal::director {

namespace {

/// Changes of a large configuration take turns with the checks and the API: each batch waits some
/// milliseconds for the kernel.
constexpr Milliseconds longest_turn{250};

void log_hook(const std::string& device, const dataplane::Hook& hook) {
    const bool fell_back =
        hook.wanted == model::HookChoice::xdp && hook.attached != model::HookChoice::xdp;
    log(fell_back ? Message::hook_fell_back : Message::hook_attached, "{}: {} ({})", device,
        model::name_of(hook.attached), hook.reason);
}

const dataplane::AttachHook* attaches(const Operation& operation) {
    const auto* change = std::get_if<dataplane::Operation>(&operation);
    return change ? std::get_if<dataplane::AttachHook>(change) : nullptr;
}

/// Whose list or options an operation changes.
struct ServiceOf {
    using Key = std::optional<dataplane::ServiceKey>;
    Key operator()(const dataplane::AddService& it) const { return it.key; }
    Key operator()(const dataplane::EditService& it) const { return it.key; }
    Key operator()(const dataplane::AddServer& it) const { return it.service; }
    Key operator()(const dataplane::EditServer& it) const { return it.service; }
    Key operator()(const dataplane::RemoveServer& it) const { return it.service; }
    Key operator()(const auto&) const { return std::nullopt; }
};

/// Whether `next` is better not left for another batch.
bool belong_together(const dataplane::Operation& one, const dataplane::Operation& next) {
    const auto service = std::visit(ServiceOf{}, one);
    if (!service) return false;
    // What is removed behind a change may hold the ports that the change needs.
    return std::holds_alternative<dataplane::RemoveService>(next) ||
           std::visit(ServiceOf{}, next) == service;
}

}  // namespace

Executor::Executor(dataplane::Dataplane& dataplane, redundancy::FloatingAddresses& addresses,
                   redundancy::Announcements& announcements)
    : dataplane_(dataplane), addresses_(addresses), announcements_(announcements) {}

bool Executor::run(const std::vector<Operation>& operations, bool drift) {
    const auto begin = Clock::now();
    std::vector<std::string> wanted;
    std::vector<Item> due;
    for (const auto& operation : operations) {
        wanted.push_back(to_string(operation));
        if (retry_.is_due(wanted.back(), begin)) due.push_back({&operation, wanted.back()});
    }
    retry_.keep_only(wanted);

    const auto is_for_dataplane = [](const Item& item) {
        return std::holds_alternative<dataplane::Operation>(*item.operation);
    };
    std::span<const Item> left = due;
    while (!left.empty()) {
        if (Clock::now() - begin >= longest_turn) return false;
        const auto others = std::ranges::find_if_not(left, is_for_dataplane);
        const auto run = static_cast<std::size_t>(others - left.begin());
        const auto count = run == 0 ? 1 : next_batch(left.first(run));
        run == 0 ? perform(left.front(), drift) : run_batch(left.first(count), drift);
        left = left.subspan(count);
    }
    return true;
}

std::size_t Executor::next_batch(std::span<const Item> items) {
    const auto change = [&](std::size_t i) -> const dataplane::Operation& {
        return std::get<dataplane::Operation>(*items[i].operation);
    };
    auto size = std::min(usual_batch, items.size());
    while (size < items.size() && belong_together(change(size - 1), change(size)))
        ++size;
    return size;
}

void Executor::run_batch(std::span<const Item> items, bool drift) {
    std::vector<dataplane::Operation> batch;
    for (const auto& item : items)
        batch.push_back(std::get<dataplane::Operation>(*item.operation));
    const auto results = dataplane_.apply_all(batch);
    std::vector<Item> attached;
    for (std::size_t i = 0; i < items.size(); ++i) {
        report(items[i], results[i], drift);
        if (results[i] && attaches(*items[i].operation)) attached.push_back(items[i]);
    }
    if (!attached.empty()) log_hooks(attached);
}

void Executor::log_hooks(std::span<const Item> items) {
    const auto state = dataplane_.observe();
    if (!state) return;
    for (const auto& item : items) {
        const auto hook = state->hooks.find(attaches(*item.operation)->device);
        if (hook != state->hooks.end()) log_hook(hook->first, hook->second);
    }
}

void Executor::perform(const Item& item, bool drift) {
    const auto* to_add = std::get_if<AddAddress>(item.operation);
    report(item,
           to_add ? add(to_add->address) : remove(std::get<RemoveAddress>(*item.operation).address),
           drift);
}

Result<void> Executor::add(const redundancy::FloatingAddress& address) {
    auto added = addresses_.add(address);
    if (added) {
        log(Message::address_added, "{} on {}", address.address.to_string(), address.device.label);
        announcements_.repeat(address);
    }
    return added;
}

Result<void> Executor::remove(const redundancy::FloatingAddress& address) {
    auto removed = addresses_.remove(address);
    if (removed) {
        log(Message::address_removed, "{} from {}", address.address.to_string(),
            address.device.label);
    }
    return removed;
}

void Executor::report(const Item& item, const Result<void>& done, bool drift) {
    if (!done) {
        if (retry_.failed(item.description, done.error(), Clock::now()))
            log(Message::operation_failed, "{}: {}", item.description, done.error().message);
        return;
    }
    retry_.succeeded(item.description);
    if (drift) log(Message::drift_repaired, "{}", item.description);
}

}  // namespace shoal::director
