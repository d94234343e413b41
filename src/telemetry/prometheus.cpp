#include "telemetry/prometheus.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/administrative_state.h"
#include "model/choices.h"

namespace shoal::telemetry {

namespace {

using model::RealServerStatus;
using model::VirtualServerStatus;
using Labels = PrometheusText::Labels;
using Type = PrometheusText::Type;

struct CounterMetric {
    const char* name;
    const char* help;
    std::uint64_t model::Counters::* member;
};
constexpr std::array counter_metrics{
    CounterMetric{"connections_total", "Connections", &model::Counters::connections},
    CounterMetric{"incoming_packets_total", "Packets from clients", &model::Counters::packets_in},
    CounterMetric{"outgoing_packets_total",
                  "Packets to clients; with direct routing and tunnels none pass here",
                  &model::Counters::packets_out},
    CounterMetric{"incoming_bytes_total", "Bytes from clients", &model::Counters::bytes_in},
    CounterMetric{"outgoing_bytes_total", "Bytes to clients", &model::Counters::bytes_out},
};

/// The virtual servers of a firewall mark are counted together: the first of them has all of it.
std::vector<const VirtualServerStatus*> counted(const model::DirectorStatus& status) {
    std::vector<const VirtualServerStatus*> found;
    std::vector<std::uint32_t> marks;
    for (const auto& service : status.virtual_servers) {
        if (!service.active) continue;
        const auto mark = service.firewall_mark.value_or(0);
        if (mark != 0 && std::ranges::find(marks, mark) != marks.end()) continue;
        if (mark != 0) marks.push_back(mark);
        found.push_back(&service);
    }
    return found;
}

Labels labels_of(const VirtualServerStatus& service) {
    return {{"virtual_server", service.name}};
}

Labels labels_of(const VirtualServerStatus& service, const RealServerStatus& server) {
    return {{"virtual_server", service.name},
            {"real_server", server.name},
            {"address", server.address.to_string()},
            {"port", fmt::to_string(server.port)}};
}

/// Calls for each real server, the sorry server included.
template <class WithEach>
void for_each_server(const std::vector<const VirtualServerStatus*>& services, WithEach with_each) {
    for (const auto* service : services) {
        for (const auto& server : service->real_servers)
            with_each(labels_of(*service, server), server);
        if (service->sorry_server)
            with_each(labels_of(*service, *service->sorry_server), *service->sorry_server);
    }
}

void add_counters(PrometheusText& text, const model::DirectorStatus& status) {
    const auto services = counted(status);
    for (const auto& [name, help, member] : counter_metrics) {
        text.metric(fmt::format("shoal_{}", name), Type::counter,
                    fmt::format("{}, of the director.", help));
        text.sample({}, status.total.*member);
        text.metric(fmt::format("shoal_virtual_server_{}", name), Type::counter,
                    fmt::format("{}, of a virtual server.", help));
        for (const auto* service : services)
            text.sample(labels_of(*service), service->counters.*member);
        text.metric(fmt::format("shoal_real_server_{}", name), Type::counter,
                    fmt::format("{}, of a real server.", help));
        for_each_server(services, [&](const Labels& labels, const RealServerStatus& server) {
            text.sample(labels, server.counters.*member);
        });
    }
}

void add_server_gauges(PrometheusText& text, const model::DirectorStatus& status) {
    const auto services = counted(status);
    const auto add = [&](const char* name, const char* help, auto value) {
        text.metric(name, Type::gauge, help);
        for_each_server(services, [&](const Labels& labels, const RealServerStatus& server) {
            text.sample(labels, std::uint64_t{value(server)});
        });
    };
    add("shoal_real_server_connections_active", "Established connections.",
        [](const auto& server) { return server.active_connections; });
    add("shoal_real_server_connections_inactive", "Connections that are beginning or ending.",
        [](const auto& server) { return server.inactive_connections; });
    add("shoal_real_server_persistent_clients", "Clients that persistence binds to it.",
        [](const auto& server) { return server.persistent_clients; });
    add("shoal_real_server_weight", "Weight in force; 0 gives it no new connections.",
        [](const auto& server) { return server.weight_in_force; });
    add("shoal_real_server_up", "1: its checks say that it is up.",
        [](const auto& server) { return server.health == model::Health::up ? 1U : 0U; });
    add("shoal_real_server_in_pool", "1: the data plane has it.",
        [](const auto& server) { return server.in_pool ? 1U : 0U; });
}

void add_states(PrometheusText& text, const model::DirectorStatus& status) {
    text.metric("shoal_real_server_state", Type::gauge,
                "1 for the administrative state that it is in.");
    for (const auto& service : status.virtual_servers) {
        for (const auto& server : service.real_servers) {
            auto labels = labels_of(service, server);
            labels.emplace_back("state", std::string(model::name_of(server.state)));
            text.sample(labels, std::uint64_t{1});
        }
    }
    const auto add = [&](const char* name, const char* help, auto value) {
        text.metric(name, Type::gauge, help);
        for (const auto& service : status.virtual_servers)
            text.sample(labels_of(service), std::uint64_t{value(service)});
    };
    add("shoal_virtual_server_quorum_lost", "1: too few real servers are left.",
        [](const auto& service) { return service.quorum_lost ? 1U : 0U; });
    add("shoal_virtual_server_usable_real_servers", "Real servers that may have new connections.",
        [](const auto& service) { return service.usable; });
}

void add_director(PrometheusText& text, const model::DirectorStatus& status) {
    const auto gauge = [&](const char* name, const char* help, auto value) {
        text.metric(name, Type::gauge, help);
        text.sample({}, value);
    };
    text.metric("shoal_info", Type::gauge, "1, with the version and the director's name.");
    text.sample({{"version", status.version}, {"director", status.name}}, std::uint64_t{1});
    gauge("shoal_start_time_seconds", "When shoald began, since 1970.",
          static_cast<double>(status.started_ms) / 1000);
    gauge("shoal_problems", "What is wrong now; shoal status says what.",
          std::uint64_t{status.problems.size()});
    gauge("shoal_table_cells", "Cells of the table of connections.",
          std::uint64_t{status.table.size});
    gauge("shoal_table_cells_used", "Cells that hold a connection.",
          std::uint64_t{status.table.used});
    gauge("shoal_table_overflow", "Connections in the overflow map.",
          std::uint64_t{status.table.overflow});
    gauge("shoal_table_bytes", "Memory of the table of connections.", status.table.memory_bytes);
    gauge("shoal_sweeper_age_seconds",
          "Since connections were last looked through for those whose time is over.",
          static_cast<double>(status.sweeper_age_ms) / 1000);
    text.metric("shoal_packets_total", Type::counter,
                "Packets by what became of them; shoal stats says what each verdict means.");
    for (const auto& verdict : status.verdicts)
        text.sample({{"verdict", verdict.name}}, verdict.packets);
}

/// Bytes of the UTF-8 character that `text` begins with; 0: it is none.
std::size_t character_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    const std::size_t length = first < 0x80                    ? 1
                               : first >= 0xC2 && first < 0xE0 ? 2
                               : first >= 0xE0 && first < 0xF0 ? 3
                               : first >= 0xF0 && first < 0xF5 ? 4
                                                               : 0;
    if (length == 0 || length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0U) != 0x80) return 0;
    // Longer than need be, surrogates, beyond U+10FFFF.
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) >= 0xA0) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) >= 0x90) return 0;
    return length;
}

}  // namespace

std::string label_value(std::string_view text) {
    std::string escaped;
    while (!text.empty()) {
        const auto length = character_length(text);
        if (text[0] == '\\' || text[0] == '"') escaped += '\\';
        if (text[0] == '\n')
            escaped += "\\n";
        else
            escaped += length == 0 ? "\uFFFD" : text.substr(0, length);
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return escaped;
}

void PrometheusText::metric(std::string_view name, Type type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                         type == Type::counter ? "counter" : "gauge");
}

void PrometheusText::sample(const Labels& labels, std::uint64_t value) {
    add(labels, fmt::to_string(value));
}

void PrometheusText::sample(const Labels& labels, double value) {
    add(labels, fmt::format("{}", value));
}

void PrometheusText::add(const Labels& labels, std::string_view value) {
    text_ += name_;
    const char* separator = "{";
    for (const auto& [name, text] : labels)
        text_ += fmt::format("{}{}=\"{}\"", std::exchange(separator, ","), name, label_value(text));
    text_ += fmt::format("{}{}\n", labels.empty() ? " " : "} ", value);
}

std::string prometheus_text(const model::DirectorStatus& status) {
    PrometheusText text;
    add_director(text, status);
    add_counters(text, status);
    add_server_gauges(text, status);
    add_states(text, status);
    return text.take();
}

}  // namespace shoal::telemetry
