#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "config/lvs_cf/lvs_cf.h"
#include "model/json.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using model::milliseconds;

/// Rounded up.
std::int64_t seconds(milliseconds time) {
    return std::chrono::ceil<std::chrono::seconds>(time).count();
}

std::string mask_text(int length) {
    const std::uint64_t bits = (0xffff'ffff'0000'0000U >> length) & 0xffff'ffffU;
    return fmt::format("{}.{}.{}.{}", bits >> 24U, bits >> 16U & 0xffU, bits >> 8U & 0xffU,
                       bits & 0xffU);
}

/// A text that Piranha reads as the same: it knows no escape for a quotation mark.
std::string text_word(const std::string& text) {
    if (!text.contains('"')) return fmt::format("\"{}\"", text);
    if (!text.contains('\'')) return fmt::format("'{}'", text);
    std::string without = text;
    std::ranges::replace(without, '"', '_');
    return fmt::format("\"{}\"", without);
}

/// A regular expression of RE2 as nanny's escapes.
std::string regex_text(std::string_view pattern) {
    constexpr std::string_view any = "(?s)";
    if (pattern.starts_with(any)) pattern.remove_prefix(any.size());
    std::string text;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
        constexpr std::string_view doubled = R"(\'")";
        if (pattern[i] == '\\' && doubled.contains(next)) {
            text += R"(\\)";
        } else {
            text += pattern[i];
        }
        // What follows a backslash belongs to it.
        if (pattern[i] == '\\' && next != '\0')
            text += next == '\\' ? R"(\\)" : std::string(1, next), ++i;
    }
    return text;
}

/// A port that a virtual server of lvs.cf stands for.
struct Endpoint {
    model::Protocol protocol;
    std::uint16_t port;
    bool operator==(const Endpoint&) const = default;
};

class Writer {
  public:
    explicit Writer(const model::Configuration& configuration) : configuration_(configuration) {
        for (const auto& service : configuration.virtual_servers)
            names_.insert(service.name);
    }

    std::string text() {
        redundancy();
        global();
        for (const auto& service : configuration_.virtual_servers)
            virtual_servers(service);
        return std::move(text_);
    }

  private:
    template <class Value>
    void put(std::string_view key, const Value& value) {
        text_ += fmt::format("{:{}}{} = {}\n", "", indent_, key, value);
    }
    void put_flag(std::string_view key, bool value) { put(key, value ? 1 : 0); }
    void put_address(std::string_view key, const std::optional<net::Address>& address) {
        if (address) put(key, address->to_string());
    }
    void put_command(std::string_view key, const std::vector<std::string>& words) {
        if (!words.empty()) put(key, text_word(fmt::format("{}", fmt::join(words, " "))));
    }
    void put_placed(const net::Prefix& address, const std::string& device, std::string_view key,
                    std::string_view mask_key) {
        put(key, fmt::format("{} {}", address.address.to_string(), device));
        if (!address.address.is_v6()) put(mask_key, mask_text(address.length));
    }

    void redundancy() {
        const auto& pair = configuration_.redundancy;
        put_address("primary", pair.primary);
        put_address("primary_private", pair.primary_private);
        put("service", "lvs");
        put_flag("backup_active", pair.active);
        put_address("backup", pair.backup);
        put_address("backup_private", pair.backup_private);
        if (pair.active || pair.interval != model::Redundancy{}.interval) {
            put("keepalive", seconds(pair.interval));
            put("deadtime", 3 * seconds(pair.interval));
        }
        put_command("active_cmd", pair.activation_command);
        put_command("inactive_cmd", pair.deactivation_command);
        put_flag("monitor_links", pair.monitor_links);
        put_flag("syncdaemon", pair.sync_connections);
        if (pair.sync_device) put("syncd_iface", *pair.sync_device);
        if (pair.sync_id != 0) put("syncd_id", pair.sync_id);
    }

    void global() {
        const auto& global = configuration_.global;
        put("network", model::name_of(global.network_type));
        if (global.nat_router)
            put_placed(global.nat_router->address, global.nat_router->device.label, "nat_router",
                       "nat_nmask");
        const model::ConnectionTimeouts defaults;
        const auto timeout = [&](std::string_view key, milliseconds value, milliseconds other) {
            if (value != other) put(key, seconds(value));
        };
        timeout("tcp_timeout", global.timeouts.established, defaults.established);
        timeout("tcpfin_timeout", global.timeouts.fin_wait, defaults.fin_wait);
        timeout("udp_timeout", global.timeouts.udp, defaults.udp);
    }

    /// One of a mark with several ports is one for each of them, as Piranha's manual has it.
    void virtual_servers(const model::VirtualServer& service) {
        const auto endpoints = endpoints_of(service);
        virtual_server(service, service.name, endpoints.front());
        for (const auto& endpoint : std::span(endpoints).subspan(1)) {
            auto name = fmt::format("{}-{}", service.name, endpoint.port);
            while (!names_.insert(name).second)
                name += '_';
            virtual_server(service, name, endpoint);
        }
    }

    std::vector<Endpoint> endpoints_of(const model::VirtualServer& service) const {
        std::vector<Endpoint> endpoints;
        const auto add = [&](model::Protocol protocol, const model::PortRange& ports) {
            const Endpoint endpoint{protocol, ports.first};
            if (std::ranges::find(endpoints, endpoint) == endpoints.end())
                endpoints.push_back(endpoint);
        };
        if (!service.firewall_mark || !service.port.is_any()) add(service.protocol, service.port);
        if (!service.firewall_mark || stands_back(service)) {
            if (endpoints.empty()) add(service.protocol, service.port);
            return endpoints;
        }
        for (const auto& rule : configuration_.marks) {
            if (rule.value != *service.firewall_mark || rule.address != service.address.address)
                continue;
            for (const auto& ports : rule.ports)
                add(rule.protocol, ports);
        }
        if (endpoints.empty()) add(service.protocol, service.port);
        return endpoints;
    }

    /// The mark's packets are for an active one.
    bool stands_back(const model::VirtualServer& service) const {
        return !service.active &&
               std::ranges::any_of(configuration_.virtual_servers, [&](const auto& other) {
                   return other.active && other.firewall_mark == service.firewall_mark;
               });
    }

    void virtual_server(const model::VirtualServer& service, const std::string& name,
                        const Endpoint& endpoint) {
        text_ += fmt::format("virtual {} {{\n", text_word(name));
        indent_ = 5;
        put_flag("active", service.active);
        put_placed(service.address, service.device.label, "address", "vip_nmask");
        if (service.sorry_server) put("sorry_server", service.sorry_server->address.to_string());
        if (service.firewall_mark) put("fwmark", *service.firewall_mark);
        put("port", endpoint.port);
        if (service.persistence) {
            put("persistent", seconds(*service.persistence));
            if (service.persistence_netmask && service.persistence_netmask->length <= 32)
                put("pmask", mask_text(service.persistence_netmask->length));
        }
        monitor(service);
        if (service.load_monitor.tool != model::LoadTool::none)
            put("load_monitor", model::name_of(service.load_monitor.tool));
        put("scheduler", model::name_of(service.scheduler));
        put("protocol", model::name_of(endpoint.protocol));
        put("timeout", seconds(service.service_timeout));
        put("reentry", std::max<std::int64_t>(1, seconds(service.reentry_time)));
        put_flag("quiesce_server",
                 service.quiesce_server && service.on_failure == model::OnFailure::drain);
        for (const auto& server : service.real_servers)
            real_server(server);
        text_ += "}\n";
        indent_ = 0;
    }

    void monitor(const model::VirtualServer& service) {
        const auto& monitor = service.monitor;
        if (!monitor.send.empty()) put("send", text_word(model::format_exchange(monitor.send)));
        if (monitor.expect_pattern == "(?s).") {
            put("expect", text_word("*"));
        } else if (!monitor.expect_pattern.empty()) {
            put("expect", text_word(regex_text(monitor.expect_pattern)));
            put_flag("use_regex", true);
        } else if (!monitor.expect.empty()) {
            put("expect", text_word(model::format_exchange(monitor.expect)));
        }
        if (!monitor.sending_program.empty()) {
            std::string words;
            for (const auto& word : monitor.sending_program)
                words += (words.empty() ? "" : " ") + program_word(word);
            put("send_program", text_word(words));
        }
    }

    /// Two percent signs are one in lvs.cf.
    static std::string program_word(std::string_view word) {
        std::string text;
        for (std::size_t i = 0; i < word.size(); ++i) {
            text += word[i];
            if (word.substr(i, 2) == "%%") ++i;
        }
        return text;
    }

    void real_server(const model::RealServer& server) {
        text_ += fmt::format("     server {} {{\n", text_word(server.name));
        indent_ = 9;
        put("address", server.address.to_string());
        // One with weight 0 would get 1.
        put_flag("active", server.active && server.weight > 0);
        if (const auto port = server.port ? server.port : server.monitor.port) put("port", *port);
        put("weight", std::max(server.weight, 1U));
        text_ += "     }\n";
        indent_ = 5;
    }

    const model::Configuration& configuration_;
    std::set<std::string> names_;
    std::string text_;
    int indent_ = 0;
};

/// What of `wanted` became something else in `got`, by the keys of shoal.toml.
class Comparison {
  public:
    void compare(const std::string& path, const nlohmann::json& wanted, const nlohmann::json& got) {
        if (wanted == got) return;
        if (wanted.is_object() && got.is_object()) {
            for (const auto& [key, value] : wanted.items())
                compare(joined(path, key), value, got.value(key, nlohmann::json()));
        } else if (is_list_of_tables(wanted)) {
            for (std::size_t i = 0; i < wanted.size(); ++i)
                compare(fmt::format("{} {}", path, wanted[i].value("name", std::to_string(i + 1))),
                        wanted[i], counterpart(wanted[i], i, got));
        } else {
            remarks_.push_back(
                fmt::format("{}: {} {}", path, brief(wanted),
                            got.is_null() ? "is left out" : "becomes " + brief(got)));
        }
    }

    std::vector<std::string> take() { return std::move(remarks_); }

  private:
    static std::string joined(const std::string& path, const std::string& key) {
        return path.empty() ? key : fmt::format("{}: {}", path, key);
    }
    static bool is_list_of_tables(const nlohmann::json& json) {
        return json.is_array() && !json.empty() && json.front().is_object();
    }
    static std::string brief(const nlohmann::json& json) {
        return json.is_object() ? "the table" : json.dump();
    }
    /// By its name, or where it has none by its place.
    static nlohmann::json counterpart(const nlohmann::json& wanted, std::size_t index,
                                      const nlohmann::json& list) {
        if (!list.is_array()) return {};
        if (!wanted.contains("name")) return index < list.size() ? list[index] : nlohmann::json();
        for (const auto& other : list) {
            if (other.contains("name") && other["name"] == wanted["name"]) return other;
        }
        return {};
    }

    std::vector<std::string> remarks_;
};

}  // namespace

LvsCf to_lvs_cf(const model::Configuration& configuration) {
    LvsCf lvs_cf{Writer(configuration).text(), {}};
    const auto again = import_lvs_cf(lvs_cf.text);
    if (!again) {
        for (const auto& problem : again.error())
            lvs_cf.remarks.push_back(
                fmt::format("line {} of it is wrong: {}", problem.line, problem.message));
        return lvs_cf;
    }
    Comparison comparison;
    comparison.compare("", model::to_json(configuration), model::to_json(again->configuration));
    lvs_cf.remarks = comparison.take();
    return lvs_cf;
}

}  // namespace shoal::config
