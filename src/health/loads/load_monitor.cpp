#include "health/loads/load_monitor.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <tuple>
#include <utility>

#include "health/check_reason.h"
#include "health/check_spread.h"
#include "health/exchange.h"
#include "health/loads/load_answer.h"
#include "health/loads/load_asker.h"
#include "health/loads/rwho_listener.h"
#include "health/program_check.h"

namespace shoal::health {

namespace asio = boost::asio;
using model::LoadTool;

namespace {

/// New questions are spread over this, and go on at their interval.
constexpr Milliseconds first_within{10'000};

LoadQuestion question_of(const LoadTarget& target) {
    const auto& monitor = target.monitor;
    LoadQuestion question{.tool = monitor.tool,
                          .address = target.address,
                          .port = target.port,
                          .interval = monitor.interval};
    if (monitor.tool == LoadTool::ruptime && question.port == 0) question.port = rwho_port;
    if (monitor.tool == LoadTool::http) {
        question.path = monitor.path;
        question.value = monitor.value;
    }
    if (monitor.tool == LoadTool::program) {
        question.words = words_for(monitor.program, {.address = target.address,
                                                     .port = target.service_port,
                                                     .monitor = {},
                                                     .name = target.id.real_server,
                                                     .virtual_address = target.virtual_address});
    }
    return question;
}

std::string reason_in_quotes(const std::string& reason) {
    constexpr std::size_t most = 200;
    return reason.empty() ? "" : in_quotes(reason, most);
}

/// A question, what it brought, and who wants to know.
struct Source {
    Source(asio::io_context& loop, LoadQuestion asks)
        : question(std::move(asks)), timer(loop), since(Clock::now()) {}

    LoadQuestion question;
    asio::steady_timer timer;
    /// When the next question is asked.
    TimePoint due;
    std::shared_ptr<void> asking;
    /// Of the last reading; before the first, of the beginning.
    TimePoint since;
    std::optional<double> load;
    std::string problem;
    AgentWords agent;
    /// A reading came.
    bool heard = false;
    std::vector<TargetId> users;

    bool lost(TimePoint now) const { return now - since > question.stale_after(); }
    /// What was known before it was asked otherwise.
    void inherit(const Source& before) {
        since = before.since;
        load = before.load;
        agent = before.agent;
    }
};

/// What is told when it changes.
using News = std::tuple<std::uint32_t, AgentState, bool>;

News news_of(const TargetLoad& load) {
    return {load.per_mille, load.agent, load.lost};
}

struct Entry {
    LoadTarget target;
    LoadWeight weight;
    std::shared_ptr<Source> source;
    /// What was last told.
    News told{full_factor, AgentState::ready, false};
};

}  // namespace

AgentState agent_state(const AgentWords& words) {
    if (words.wish == AgentWish::maintenance) return AgentState::maintenance;
    if (!words.up) return AgentState::down;
    return words.wish == AgentWish::drain ? AgentState::drain : AgentState::ready;
}

class LoadMonitors::Impl : public std::enable_shared_from_this<LoadMonitors::Impl> {
  public:
    Impl(asio::io_context& loop, ProgramRunner* runner, OnChange on_change)
        : loop_(loop), asker_(loop, runner), on_change_(std::move(on_change)) {}

    void set_targets(const std::vector<LoadTarget>& targets, const LoadMemories& remembered);
    LoadView view() const;
    LoadMemories memories() const;

  private:
    using SourcePtr = std::shared_ptr<Source>;

    void add(const LoadTarget& target, const std::map<TargetId, Entry>& before,
             const LoadMemories& remembered);
    Entry begin(const LoadTarget& target, const LoadMemories& remembered);
    Entry go_on(const Entry& before, const LoadTarget& target);
    SourcePtr source_of(const LoadQuestion& question);
    void listen();
    void start(const SourcePtr& source);
    void wait(const SourcePtr& source);
    void is_due(const SourcePtr& source);
    /// Sees to it that packets of rwhod are listened to.
    void hear(const SourcePtr& source);
    void ask(const SourcePtr& source);
    void packet_came(std::uint16_t port, const net::Address& from, const RwhoPacket& packet);
    void reading_came(const SourcePtr& source, const Result<LoadReading>& reading);
    void use(const SourcePtr& source, const LoadReading& reading);
    void tell_users(const Source& source);
    TargetLoad load_of(const Entry& entry, TimePoint now) const;

    asio::io_context& loop_;
    LoadAsker asker_;
    OnChange on_change_;
    std::map<TargetId, Entry> entries_;
    std::map<LoadQuestion, SourcePtr> sources_;
    /// By port.
    std::map<std::uint16_t, std::unique_ptr<RwhoListener>> listeners_;
    /// Those that listen, by port and address.
    std::multimap<std::pair<std::uint16_t, net::Address>, SourcePtr> listening_;
    std::uint64_t started_ = 0;
};

void LoadMonitors::Impl::set_targets(const std::vector<LoadTarget>& targets,
                                     const LoadMemories& remembered) {
    const auto before = std::exchange(entries_, {});
    for (const auto& [question, source] : sources_)
        source->users.clear();
    for (const auto& target : targets) {
        if (target.monitor.tool != LoadTool::none) add(target, before, remembered);
    }
    std::erase_if(sources_, [](const auto& item) {
        const auto& source = item.second;
        if (!source->users.empty()) return false;
        source->timer.cancel();
        source->asking.reset();
        return true;
    });
    listen();
}

void LoadMonitors::Impl::add(const LoadTarget& target, const std::map<TargetId, Entry>& before,
                             const LoadMemories& remembered) {
    const auto known = before.find(target.id);
    const bool same = known != before.end() && known->second.target.address == target.address;
    auto entry = same ? go_on(known->second, target) : begin(target, remembered);
    entry.source->users.push_back(target.id);
    entries_.insert_or_assign(target.id, std::move(entry));
}

Entry LoadMonitors::Impl::begin(const LoadTarget& target, const LoadMemories& remembered) {
    Entry entry{target, LoadWeight(target.monitor), source_of(question_of(target))};
    const auto found = remembered.find(target.id);
    if (found == remembered.end()) return entry;
    const auto& memory = found->second;
    if (memory.address != target.address || memory.tool != target.monitor.tool) return entry;
    entry.weight.begin(memory.per_mille);
    if (!entry.source->heard) entry.source->agent = memory.agent;
    entry.told = news_of(load_of(entry, Clock::now()));
    return entry;
}

Entry LoadMonitors::Impl::go_on(const Entry& before, const LoadTarget& target) {
    auto entry = before;
    entry.target = target;
    entry.weight.set(target.monitor);
    entry.source = source_of(question_of(target));
    if (before.target.monitor.tool == target.monitor.tool && !entry.source->heard)
        entry.source->inherit(*before.source);
    return entry;
}

LoadMonitors::Impl::SourcePtr LoadMonitors::Impl::source_of(const LoadQuestion& question) {
    auto& source = sources_[question];
    if (!source) {
        source = std::make_shared<Source>(loop_, question);
        start(source);
    }
    return source;
}

void LoadMonitors::Impl::listen() {
    listening_.clear();
    for (const auto& [question, source] : sources_) {
        if (question.tool == LoadTool::ruptime)
            listening_.emplace(std::pair{question.port, question.address}, source);
    }
    for (const auto& [from, source] : listening_)
        hear(source);
    std::erase_if(listeners_, [this](const auto& item) {
        const auto first = listening_.lower_bound({item.first, net::Address{}});
        return first == listening_.end() || first->first.first != item.first;
    });
}

void LoadMonitors::Impl::start(const SourcePtr& source) {
    const auto now = Clock::now();
    source->due = second_check(now, std::min(source->question.interval, first_within), started_++);
    wait(source);
}

void LoadMonitors::Impl::wait(const SourcePtr& source) {
    source->timer.expires_at(source->due);
    source->timer.async_wait([weak = weak_from_this(), weak_source = std::weak_ptr(source)](
                                 const boost::system::error_code& error) {
        const auto alive = weak.lock();
        const auto source_alive = weak_source.lock();
        if (!error && alive && source_alive) alive->is_due(source_alive);
    });
}

void LoadMonitors::Impl::is_due(const SourcePtr& source) {
    const auto now = Clock::now();
    if (source->question.tool == LoadTool::ruptime) {
        hear(source);
    } else {
        ask(source);
    }
    if (source->lost(now)) {
        for (const auto& id : source->users)
            entries_.at(id).weight.forget(now);
    }
    tell_users(*source);
    // A loop that was held up asks once, not for each interval that passed.
    source->due = std::max(source->due + source->question.interval, now);
    wait(source);
}

void LoadMonitors::Impl::hear(const SourcePtr& source) {
    const auto& question = source->question;
    auto& listener = listeners_[question.port];
    if (!listener) {
        auto opened = RwhoListener::open(
            loop_, question.port,
            [weak = weak_from_this(), port = question.port](const auto& from, const auto& packet) {
                if (const auto alive = weak.lock()) alive->packet_came(port, from, packet);
            });
        source->problem = opened ? "" : opened.error().message;
        if (opened) listener = std::move(*opened);
    }
    if (listener && source->lost(Clock::now()))
        source->problem = "no packet of rwhod comes from " + question.address.to_string();
}

void LoadMonitors::Impl::ask(const SourcePtr& source) {
    source->asking =
        asker_.ask(source->question, [weak = weak_from_this(), weak_source = std::weak_ptr(source)](
                                         const Result<LoadReading>& reading) {
            const auto alive = weak.lock();
            const auto source_alive = weak_source.lock();
            if (alive && source_alive) alive->reading_came(source_alive, reading);
        });
}

void LoadMonitors::Impl::packet_came(std::uint16_t port, const net::Address& from,
                                     const RwhoPacket& packet) {
    const auto load = plausible_load(packet.load);
    const auto [first, last] = listening_.equal_range({port, from});
    for (auto at = first; at != last; ++at) {
        if (load) {
            reading_came(at->second, LoadReading{.load = *load});
        } else {
            reading_came(at->second, fail(load.error()));
        }
    }
}

void LoadMonitors::Impl::reading_came(const SourcePtr& source, const Result<LoadReading>& reading) {
    source->problem = reading ? "" : reading.error().message;
    if (reading) use(source, *reading);
    tell_users(*source);
}

void LoadMonitors::Impl::use(const SourcePtr& source, const LoadReading& reading) {
    const auto now = Clock::now();
    source->since = now;
    source->load = reading.load;
    source->heard = true;
    auto& agent = source->agent;
    if (reading.agent.up || reading.agent.wish)
        agent = {reading.agent.up.value_or(agent.up), reading.agent.wish.value_or(agent.wish),
                 reason_in_quotes(reading.agent.reason)};
    for (const auto& id : source->users) {
        auto& weight = entries_.at(id).weight;
        if (reading.load) weight.observe(*reading.load, now);
        if (reading.agent.percent) weight.order(*reading.agent.percent, now);
    }
}

void LoadMonitors::Impl::tell_users(const Source& source) {
    const auto now = Clock::now();
    for (const auto& id : source.users) {
        auto& entry = entries_.at(id);
        const auto load = load_of(entry, now);
        const auto news = news_of(load);
        if (std::exchange(entry.told, news) == news) continue;
        asio::post(loop_, [weak = weak_from_this(), id, load] {
            if (const auto alive = weak.lock()) alive->on_change_(id, load);
        });
    }
}

TargetLoad LoadMonitors::Impl::load_of(const Entry& entry, TimePoint now) const {
    const auto& source = *entry.source;
    return {.load = source.load,
            .age = std::chrono::duration_cast<Milliseconds>(now - source.since),
            .problem = source.problem,
            .lost = source.lost(now),
            .per_mille = entry.weight.per_mille(),
            .agent = agent_state(source.agent),
            .agent_reason = source.agent.reason};
}

LoadView LoadMonitors::Impl::view() const {
    LoadView view;
    const auto now = Clock::now();
    for (const auto& [id, entry] : entries_)
        view.emplace(id, load_of(entry, now));
    return view;
}

LoadMemories LoadMonitors::Impl::memories() const {
    LoadMemories memories;
    for (const auto& [id, entry] : entries_) {
        const LoadMemory memory{.address = entry.target.address,
                                .tool = entry.target.monitor.tool,
                                .per_mille = entry.weight.per_mille(),
                                .agent = entry.source->agent};
        if (memory.per_mille != full_factor || memory.agent != AgentWords{})
            memories.emplace(id, memory);
    }
    return memories;
}

LoadMonitors::LoadMonitors(asio::io_context& loop, ProgramRunner* runner, OnChange on_change)
    : impl_(std::make_shared<Impl>(loop, runner, std::move(on_change))) {}

LoadMonitors::~LoadMonitors() = default;

void LoadMonitors::set_targets(const std::vector<LoadTarget>& targets,
                               const LoadMemories& remembered) {
    impl_->set_targets(targets, remembered);
}

LoadView LoadMonitors::view() const {
    return impl_->view();
}

LoadMemories LoadMonitors::memories() const {
    return impl_->memories();
}

}  // namespace shoal::health
