#include "dataplane/bpf/tracer.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <map>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/per_cpu.h"
#include "dataplane/bpf/service_options.h"
#include "dataplane/bpf/verdict_texts.h"

namespace shoal::dataplane {

namespace {

constexpr std::chrono::milliseconds life_without_reading{1500};

std::uint64_t nanoseconds(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

Result<__u64> verdict_bits(const std::optional<std::string>& wanted) {
    static_assert(SHOAL_VERDICT_COUNT <= 64);
    // Those after which another program of ours goes on with the packet, and what is none of ours.
    if (!wanted)
        return ~(1ULL << SHOAL_VERDICT_foreign | 1ULL << SHOAL_VERDICT_passed_up |
                 1ULL << SHOAL_VERDICT_left_to_successor);
    const auto found = std::ranges::find(verdict_texts, *wanted, &VerdictText::name);
    if (found == verdict_texts.end())
        return fail(fmt::format("there is no verdict \"{}\"; `shoal stats` lists them", *wanted));
    return 1ULL << (found - verdict_texts.begin());
}

std::string protocol_name(std::uint8_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return "tcp";
        case IPPROTO_UDP:
            return "udp";
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
            return "icmp";
        case IPPROTO_IPIP:
            return "ipip";
        case IPPROTO_GRE:
            return "gre";
        default:
            return fmt::to_string(protocol);
    }
}

std::string flags_text(std::uint8_t flags) {
    constexpr std::array names{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    std::string text;
    for (std::size_t bit = 0; bit < names.size(); ++bit) {
        if ((flags >> bit & 1) == 0) continue;
        text += (text.empty() ? "" : ",");
        text += names[bit];
    }
    return text;
}

std::string endpoint(const __be32 (&words)[4], __be16 port, std::uint8_t family) {
    const auto address = address_of(words, family);
    if (port == 0) return address.to_string();
    return ServerKey{address, ntohs(port)}.to_string();
}

/// A mask of `length` bits.
void put_mask(__be32 (&words)[4], int length) {
    for (auto& word : words) {
        const int bits = std::clamp(length, 0, 32);
        word = bits == 0 ? 0 : htonl(~0U << (32 - bits));
        length -= bits;
    }
}

/// Events in words. Devices are looked up once a page.
class Converter {
  public:
    explicit Converter(const Tables& tables)
        : tables_(&tables), to_wall_(nanoseconds(CLOCK_REALTIME) - nanoseconds(CLOCK_MONOTONIC)) {}

    TraceEvent operator()(const shoal_trace_event& raw) {
        TraceEvent event;
        event.time_us = static_cast<std::int64_t>((raw.time_ns + to_wall_) / 1000);
        event.hook = raw.xdp != 0 ? "xdp" : "tc";
        event.device = device(raw.interface);
        event.bytes = raw.bytes;
        if (raw.verdict < verdict_texts.size()) event.verdict = verdict_texts[raw.verdict].name;
        if (raw.service < tables_->services.size())
            event.virtual_server = key_of(tables_->services[raw.service]).to_string();
        if (raw.server < tables_->servers.size())
            event.real_server = server_key(tables_->servers[raw.server]).to_string();
        put_tuples(event, raw);
        return event;
    }

  private:
    static void put_tuples(TraceEvent& event, const shoal_trace_event& raw) {
        const auto& arrived = raw.arrived;
        const auto& left = raw.left;
        if (arrived.family == 0) return;
        event.protocol = protocol_name(arrived.protocol);
        event.source = endpoint(arrived.source, arrived.source_port, arrived.family);
        event.destination = endpoint(arrived.destination, arrived.destination_port, arrived.family);
        event.tcp_flags = flags_text(arrived.tcp_flags);
        if (left.family == 0 || std::memcmp(&arrived, &left, sizeof arrived) == 0) return;
        event.sent_source = endpoint(left.source, left.source_port, left.family);
        event.sent_destination = endpoint(left.destination, left.destination_port, left.family);
    }

    std::string device(std::uint32_t index) {
        auto& name = devices_[index];
        std::array<char, IF_NAMESIZE> buffer{};
        if (name.empty() && ::if_indextoname(index, buffer.data()) != nullptr) name = buffer.data();
        if (name.empty()) name = fmt::to_string(index);
        return name;
    }

    const Tables* tables_;
    std::uint64_t to_wall_;
    std::map<std::uint32_t, std::string> devices_;
};

}  // namespace

Result<shoal_trace_filter> to_abi(const TraceFilter& filter) {
    shoal_trace_filter raw{};
    const auto verdicts = verdict_bits(filter.verdict);
    if (!verdicts) return fail(verdicts.error());
    raw.verdicts = *verdicts;
    if (filter.client) {
        put_address(raw.client, filter.client->address);
        put_mask(raw.client_mask, filter.client->length);
        raw.family = filter.client->address.is_v6() ? 6 : 4;
    }
    if (filter.protocol)
        raw.protocol = *filter.protocol == model::Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP;
    if (filter.virtual_address) {
        raw.with_virtual = 1;
        put_address(raw.virtual_address, *filter.virtual_address);
        raw.virtual_port = htons(filter.virtual_port);
    }
    if (filter.real_address) {
        raw.with_real = 1;
        put_address(raw.real_address, *filter.real_address);
        raw.real_port = htons(filter.real_port);
    }
    return raw;
}

Tracer::Tracer(const Tables& tables) : tables_(&tables) {}
Tracer::~Tracer() = default;

void Tracer::FreeRing::operator()(ring_buffer* ring) const {
    ring_buffer__free(ring);
}

int Tracer::take(void* self, void* data, std::size_t size) {
    if (size == sizeof(shoal_trace_event)) {
        auto& event = static_cast<Tracer*>(self)->taken_.emplace_back();
        std::memcpy(&event, data, sizeof event);
    }
    return 0;
}

std::vector<shoal_trace_event> Tracer::consume() {
    taken_.clear();
    ring_buffer__consume(ring_.get());
    return std::move(taken_);
}

Result<std::uint64_t> Tracer::left_out() const {
    const auto states = read_per_cpu<shoal_trace_state>(tables_->fd("trace_state"), 0);
    if (!states) return fail(states.error());
    std::uint64_t sum = 0;
    for (const auto& state : *states)
        sum += state.left_out;
    return sum;
}

void Tracer::prolong() {
    last_read_ = Clock::now();
    const auto life = std::chrono::nanoseconds(life_without_reading).count();
    trace_until(nanoseconds(CLOCK_MONOTONIC) + static_cast<std::uint64_t>(life));
}

void Tracer::trace_until(std::uint64_t end) const {
    store_shared(tables_->settings[0].trace_until, __u64{end});
    if (former_ != nullptr) store_shared(former_->settings[0].trace_until, __u64{end});
}

void Tracer::trace_at(const Tables& tables, const Tables* former) {
    tables_ = &tables;
    former_ = former;
    if (ring_) prolong();
}

Result<std::uint64_t> Tracer::begin(const TraceFilter& filter) {
    if (ring_ && Clock::now() - last_read_ < life_without_reading)
        return fail("somebody else traces now, and only one can; try again when that has ended");
    const auto raw = to_abi(filter);
    if (!raw) return fail(raw.error());
    const std::uint32_t zero = 0;
    if (bpf_map_update_elem(tables_->fd("trace_filter"), &zero, &*raw, BPF_ANY) != 0)
        return fail(system_error("setting the filter of the trace", errno));
    const auto before = left_out();
    if (!before) return fail(before.error());
    left_out_before_ = *before;
    ring_.reset(ring_buffer__new(tables_->fd("trace_events"), take, this, nullptr));
    if (!ring_) return fail(system_error("opening the ring buffer of the trace", errno));
    // What an earlier trace left there.
    consume();
    prolong();
    return ++current_;
}

Result<TracePage> Tracer::read(std::uint64_t trace) {
    if (!ring_ || trace != current_) return fail("this trace was not read in time and has ended");
    prolong();
    TracePage page;
    Converter convert(*tables_);
    for (const auto& event : consume())
        page.events.push_back(convert(event));
    const auto now = left_out();
    if (!now) return fail(now.error());
    page.left_out = *now - left_out_before_;
    left_out_before_ = *now;
    return page;
}

void Tracer::end(std::uint64_t trace) {
    if (!ring_ || trace != current_) return;
    trace_until(0);
    ring_.reset();
}

}  // namespace shoal::dataplane
