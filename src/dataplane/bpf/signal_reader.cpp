#include "dataplane/bpf/signal_reader.h"

#include <sys/epoll.h>

#include <cerrno>
#include <cstring>
#include <tuple>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/service_options.h"

namespace shoal::dataplane {

Result<std::unique_ptr<SignalReader>> SignalReader::open() {
    Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    if (epoll.get() < 0) return fail(system_error("making an epoll descriptor", errno));
    return std::unique_ptr<SignalReader>(new SignalReader(std::move(epoll)));
}

void SignalReader::read_from(const Tables& tables) {
    tables_ = &tables;
    // The old ring's own epoll descriptor leaves ours as it is closed.
    ring_.reset(ring_buffer__new(tables.fd("signals"), collect, this, nullptr));
    if (!ring_) return;
    epoll_event event{};
    event.events = EPOLLIN;
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, ring_buffer__epoll_fd(ring_.get()), &event);
}

int SignalReader::collect(void* self, void* data, std::size_t size) {
    shoal_signal raw{};
    if (size != sizeof raw) return 0;
    std::memcpy(&raw, data, sizeof raw);
    auto& reader = *static_cast<SignalReader*>(self);
    const auto& [services, servers] = std::tie(reader.tables_->services, reader.tables_->servers);
    if (raw.service >= services.size() || raw.server >= servers.size()) return 0;
    reader.taken_.push_back({key_of(services[raw.service]), server_key(servers[raw.server])});
    return 0;
}

std::vector<Signal> SignalReader::take() {
    taken_.clear();
    if (ring_) ring_buffer__consume(ring_.get());
    return std::move(taken_);
}

}  // namespace shoal::dataplane
