#include "config/model_reader.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstring>
#include <limits>
#include <utility>

#include "config/parts.h"
#include "model/settings.h"

namespace shoal::config {

namespace {

using model::Described;
using model::Description;
using model::Enumerated;

/// A value under way into its member. `example` is the advice where nothing better is known.
struct Item {
    Node& node;
    const Description& description;
    const Scope& scope;
    std::string example;
};

std::string_view kind_of(const Node& node) {
    constexpr std::array<std::string_view, 7> kinds{"a value of another kind",
                                                    "true or false",
                                                    "a whole number",
                                                    "a number with a fraction",
                                                    "a text",
                                                    "a list",
                                                    "a table"};
    return kinds.at(node.value.index());
}

bool is_link_local(const net::Address& address) {
    static const auto link_local = *net::Prefix::parse("fe80::/10");
    return link_local.contains(address);
}

/// "::ffff:192.0.2.80"
bool is_mapped(const net::Address& address) {
    static const auto mapped = *net::Prefix::parse("::ffff:0:0/96");
    return mapped.contains(address);
}

bool is_unicast(const net::Address& address) {
    const auto first = address.bytes()[0];
    if (!address.is_v6()) return first != 0 && first < 224;
    return address != net::Address::v6({}) && first != 0xff;
}

bool fits(std::int64_t value, const model::Limits& limits) {
    if (value < limits.least || value > limits.most) return false;
    if (!limits.only.empty()) return std::ranges::find(limits.only, value) != limits.only.end();
    return !limits.power_of_two || std::has_single_bit(static_cast<std::uint64_t>(value));
}

/// All but the first `length` bits are 0.
net::Address network_of(const net::Prefix& prefix) {
    auto bytes = prefix.address.bytes();
    for (int bit = 0; bit < prefix.address.bit_length(); ++bit) {
        if (bit < prefix.length) continue;
        bytes.at(static_cast<std::size_t>(bit / 8)) &=
            static_cast<std::uint8_t>(~(0x80 >> bit % 8));
    }
    if (prefix.address.is_v6()) return net::Address::v6(bytes);
    std::uint32_t bits = 0;
    std::memcpy(&bits, bytes.data(), sizeof bits);
    return net::Address::v4(bits);
}

/// True where the address is the first or, of IPv4, the last of its network, which belong to no
/// machine; the first one of IPv6 is any router's (RFC 4291, 2.6.1).
bool is_edge(const net::Prefix& prefix) {
    if (prefix.length > prefix.address.bit_length() - 2) return false;
    if (network_of(prefix) == prefix.address) return true;
    if (prefix.address.is_v6()) return false;
    const auto behind = std::numeric_limits<std::uint32_t>::max() >> prefix.length;
    return (ntohl(prefix.address.v4_bits()) & behind) == behind;
}

class Reader {
  public:
    explicit Reader(ProblemList& problems) : problems_(problems) {}

    template <Described Owner>
    void read_table(Table& table, Owner& owner, const Scope& scope) {
        std::vector<std::string_view> keys;
        model::for_each_setting<Owner>([&](const auto& row) {
            keys.push_back(row.description.key);
            auto* entry = table.find(row.description.key);
            if (entry != nullptr) {
                const Item item{entry->node, row.description, scope, example(row)};
                entry->node.refused = !read(item, owner.*row.member);
            } else if (row.description.required) {
                problems_.add(scope.position,
                              fmt::format("{} is missing in {}", row.description.key, scope.text()),
                              example(row));
            }
        });
        for (const auto& entry : table.entries) {
            if (std::ranges::find(keys, entry.key) != keys.end()) continue;
            problems_.add(
                entry.position,
                fmt::format("unknown setting {} in {}", model::in_quotes(entry.key), scope.text()),
                advise(entry.key, keys));
        }
    }

  private:
    template <class Owner, class Value>
    static std::string example(const model::Setting<Owner, Value>& row) {
        return fmt::format("for instance {} = {}", row.description.key, model::example_of(row));
    }

    // Each read() puts the value into the member and returns true, or reports and returns false.

    bool read(const Item& item, bool& value) {
        const auto* given = std::get_if<bool>(&item.node.value);
        if (given == nullptr) return wrong_kind(item, "true or false");
        value = *given;
        return true;
    }

    template <std::integral Value>
    bool read(const Item& item, Value& value) {
        const auto* given = std::get_if<std::int64_t>(&item.node.value);
        if (given == nullptr) return wrong_kind(item, "a whole number");
        const auto& limits = item.description.limits;
        if (!fits(*given, limits)) {
            return refuse(item, fmt::format("{} is out of range", *given),
                          "allowed: " + model::range_text<Value>(limits));
        }
        value = static_cast<Value>(*given);
        return true;
    }

    bool read(const Item& item, model::milliseconds& value) {
        const auto& limits = item.description.limits;
        auto given = duration_of(item);
        if (!given) return false;
        if (given->count() < limits.least || given->count() > limits.most) {
            return refuse(item, fmt::format("{} is out of range", model::format_duration(*given)),
                          "allowed: " + model::range_text<model::milliseconds>(limits));
        }
        value = *given;
        return true;
    }

    /// A time span, or a whole number of seconds as in lvs.cf.
    std::optional<model::milliseconds> duration_of(const Item& item) {
        if (const auto* seconds = std::get_if<std::int64_t>(&item.node.value)) {
            constexpr std::int64_t most = 1'000'000'000;
            return std::chrono::seconds{std::clamp(*seconds, -most, most)};
        }
        const auto* text = std::get_if<std::string>(&item.node.value);
        if (text == nullptr) {
            wrong_kind(item, "a time span");
            return std::nullopt;
        }
        auto parsed = model::parse_duration(*text);
        if (parsed) return *parsed;
        refuse(item, parsed.error().message, "for instance \"6s\", \"200ms\", \"1.5s\" or \"2m\"");
        return std::nullopt;
    }

    template <Enumerated E>
    bool read(const Item& item, E& value) {
        const auto* word = text_of(item);
        if (word == nullptr) return false;
        std::vector<std::string_view> known;
        for (const auto& choice : model::Choices<E>::all) {
            known.push_back(choice.name);
            if (choice.name != *word) continue;
            value = choice.value;
            return true;
        }
        return refuse(item, "unknown value " + model::in_quotes(*word), advise(*word, known));
    }

    bool read(const Item& item, std::string& value) {
        const auto* text = text_of(item);
        if (text == nullptr) return false;
        switch (item.description.form) {
            case model::TextForm::device_name:
                return take(item, model::parse_device_name(*text), value, item.example);
            case model::TextForm::exchange:
                return take(item, model::parse_exchange(*text), value,
                            R"(printable ASCII, \n \r \t \\ \" \', at most 255 bytes)");
            case model::TextForm::line:
                return take(item, model::parse_line(*text), value, item.example);
            case model::TextForm::name:
            case model::TextForm::network:
                break;
        }
        return take(item, model::parse_name(*text), value, item.example);
    }

    bool read(const Item& item, model::PortRange& value) {
        if (std::holds_alternative<std::int64_t>(item.node.value)) {
            std::uint16_t port = 0;
            if (!read(item, port)) return false;
            value = port;
            return true;
        }
        const auto* text = std::get_if<std::string>(&item.node.value);
        if (text == nullptr) return wrong_kind(item, "a port or a range of ports");
        return take(item, model::parse_port_range(*text), value,
                    R"(for instance 80 or "8000-8100")");
    }

    bool read(const Item& item, model::StatusRange& value) {
        if (std::holds_alternative<std::int64_t>(item.node.value)) {
            if (!read(item, value.first)) return false;
            value.last = value.first;
            return true;
        }
        const auto* text = std::get_if<std::string>(&item.node.value);
        if (text == nullptr) return wrong_kind(item, "a status code or a range of them");
        return take(item, model::parse_status_range(*text), value,
                    R"(for instance 200 or "200-299")");
    }

    bool read(const Item& item, model::NetworkMask& value) {
        if (std::holds_alternative<std::int64_t>(item.node.value)) return read(item, value.length);
        const auto* text = std::get_if<std::string>(&item.node.value);
        if (text == nullptr) return wrong_kind(item, "a network mask");
        return take(item, model::parse_network_mask(*text), value,
                    R"(for instance 24, "/24" or "255.255.255.0")");
    }

    bool read(const Item& item, model::DeviceLabel& value) {
        const auto* text = text_of(item);
        return text != nullptr && take(item, model::parse_device_label(*text), value, item.example);
    }

    bool read(const Item& item, net::Address& value) {
        const auto* text = text_of(item);
        return text != nullptr && take(item, net::Address::parse(*text), value, item.example) &&
               check_address(item, value);
    }

    bool read(const Item& item, net::Prefix& value) {
        const auto* text = text_of(item);
        if (text == nullptr || !take(item, net::Prefix::parse(*text), value, item.example))
            return false;
        if (item.description.form == model::TextForm::network) return check_network(item, value);
        if (!check_address(item, value.address, value.address.is_loopback())) return false;
        if (!is_edge(value)) return true;
        return refuse(item, fmt::format("{} names the network, not an address in it", *text),
                      item.example);
    }

    bool check_network(const Item& item, const net::Prefix& prefix) {
        if (is_mapped(prefix.address)) return refuse_mapped(item, prefix.address);
        const net::Prefix network{network_of(prefix), prefix.length};
        if (network == prefix) return true;
        return refuse(
            item, fmt::format("{} is an address in a network, not the network", prefix.to_string()),
            fmt::format("{} is the network, {} the address alone", network.to_string(),
                        prefix.address.to_string()));
    }

    /// The loopback address is the director itself, as a real server.
    bool check_address(const Item& item, const net::Address& address, bool refused = false) {
        if (is_mapped(address)) return refuse_mapped(item, address);
        if (is_link_local(address))
            return refuse(item,
                          fmt::format("{} holds on one link alone, and it is not said on which",
                                      address.to_string()),
                          "write a global or a unique local address");
        if (is_unicast(address) && !refused) return true;
        return refuse(item, fmt::format("{} is not the address of a machine", address.to_string()),
                      item.example);
    }

    bool refuse_mapped(const Item& item, const net::Address& address) {
        return refuse(item,
                      fmt::format("{} is an IPv4 address written as IPv6", address.to_string()),
                      "write it as IPv4, as in 192.0.2.80");
    }

    template <class Value>
    bool read(const Item& item, std::optional<Value>& value) {
        return read(item, value.emplace());
    }

    template <Described Owner>
    bool read(const Item& item, Owner& value) {
        auto* table = std::get_if<Table>(&item.node.value);
        if (table == nullptr) return read_short(item, value);
        const Scope scope{&item.scope, model::Schema<Owner>::section.name, table,
                          item.node.position};
        read_table(*table, value, scope);
        return true;
    }

    template <Described Owner>
    bool read_short(const Item& item, Owner&) {
        return wrong_kind(item, "a table");
    }
    template <model::Shortened Owner>
    bool read_short(const Item& item, Owner& value) {
        constexpr auto& short_form = model::Schema<Owner>::short_form;
        if (std::holds_alternative<std::string>(item.node.value))
            return read(item, value.*short_form.member);
        return wrong_kind(item, fmt::format("{} or a table", short_form.value));
    }

    template <Described Owner>
        requires(!model::Shortened<Owner>)
    bool read(const Item& item, std::vector<Owner>& values) {
        auto* list = std::get_if<List>(&item.node.value);
        if (list == nullptr) {
            return wrong_kind(item, "a list of tables",
                              fmt::format("write {}", model::Schema<Owner>::section.heading));
        }
        for (auto& node : *list) {
            const Item element{node, item.description, item.scope, item.example};
            auto* table = std::get_if<Table>(&node.value);
            if (table == nullptr) {
                wrong_kind(element, "a list of tables");
                continue;
            }
            const Scope scope{&item.scope, model::Schema<Owner>::section.name, table, node.position,
                              values.size() + 1};
            read_table(*table, values.emplace_back(), scope);
        }
        return true;
    }

    /// A list of texts, numbers or what may be written as one; where there is one, the brackets may
    /// be left out.
    template <class Value>
    bool read(const Item& item, std::vector<Value>& values) {
        auto* list = std::get_if<List>(&item.node.value);
        if (list == nullptr) return read(item, values.emplace_back());
        if (list->empty() && item.description.required)
            return refuse(item, "the list is empty", item.example);
        bool good = true;
        for (auto& node : *list) {
            const Item element{node, item.description, item.scope, item.example};
            node.refused = !read(element, values.emplace_back());
            good = good && !node.refused;
        }
        return good;
    }

    const std::string* text_of(const Item& item) {
        const auto* text = std::get_if<std::string>(&item.node.value);
        if (text == nullptr) wrong_kind(item, "a text");
        return text;
    }

    template <class Value>
    bool take(const Item& item, Result<Value>&& parsed, Value& value, std::string advice) {
        if (!parsed) return refuse(item, parsed.error().message, std::move(advice));
        value = std::move(*parsed);
        return true;
    }

    bool refuse(const Item& item, std::string_view reason, std::string advice) {
        problems_.add(item.node.position,
                      fmt::format("{} in {}: {}", item.description.key, item.scope.text(), reason),
                      std::move(advice));
        return false;
    }

    bool wrong_kind(const Item& item, std::string_view wanted) {
        return wrong_kind(item, wanted, item.example);
    }
    bool wrong_kind(const Item& item, std::string_view wanted, std::string advice) {
        problems_.add(item.node.position,
                      fmt::format("{} in {} must be {}, not {}", item.description.key,
                                  item.scope.text(), wanted, kind_of(item.node)),
                      std::move(advice));
        return false;
    }

    ProblemList& problems_;
};

/// The defaults of a virtual server that depend on other settings.
void complete(const Table& table, const model::Configuration& configuration,
              model::VirtualServer& service) {
    if (service.firewall_mark && table.find("port") == nullptr) service.port = {};
    if (const auto* entry = table.find("monitor"); entry != nullptr) {
        const auto* monitor = std::get_if<Table>(&entry->node.value);
        const bool has_type = monitor != nullptr && monitor->find("type") != nullptr;
        if (!has_type && !service.monitor.sending_program.empty())
            service.monitor.type = model::MonitorType::program;
        return;
    }
    service.monitor =
        model::default_monitor(service.protocol, model::check_port(configuration, service, {}));
}

}  // namespace

model::Configuration read_model(Table& document, ProblemList& problems) {
    model::Configuration configuration;
    const Scope file{nullptr, "the file", nullptr, {1, 1}};
    Reader(problems).read_table(document, configuration, file);
    auto& services = configuration.virtual_servers;
    const auto tables = tables_of("virtual_server", document);
    for (std::size_t i = 0; i < tables.size(); ++i)
        complete(*tables[i].table, configuration, services[i]);
    return configuration;
}

}  // namespace shoal::config
