#include "config/ipvsadm/ipvsadm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <tuple>

#include "config/import_size.h"
#include "config/ipvsadm/words.h"
#include "config/model_reader.h"
#include "config/services.h"
#include "config/table_builder.h"
#include "config/text_lines.h"
#include "config/toml_reader.h"
#include "config/validation.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using ipvsadm::Line;
using ipvsadm::Word;
using model::in_quotes;

enum class Arity { none, one, perhaps };

struct Option {
    /// As the first of them.
    std::string_view name;
    std::string_view other;
    Arity arity;
};

constexpr std::array options{
    Option{"-A", "--add-service", Arity::none},
    Option{"-a", "--add-server", Arity::none},
    Option{"-t", "--tcp-service", Arity::one},
    Option{"-u", "--udp-service", Arity::one},
    Option{"-f", "--fwmark-service", Arity::one},
    Option{"--sctp-service", "", Arity::one},
    Option{"-s", "--scheduler", Arity::one},
    Option{"-p", "--persistent", Arity::perhaps},
    Option{"-M", "--netmask", Arity::one},
    Option{"-b", "--sched-flags", Arity::one},
    Option{"-o", "--ops", Arity::none},
    Option{"ops", "", Arity::none},
    Option{"--pe", "pe", Arity::one},
    Option{"-6", "--ipv6", Arity::none},
    Option{"-r", "--real-server", Arity::one},
    Option{"-m", "--masquerading", Arity::none},
    Option{"-g", "--gatewaying", Arity::none},
    Option{"-i", "--ipip", Arity::none},
    Option{"-w", "--weight", Arity::one},
    Option{"-x", "--u-threshold", Arity::one},
    Option{"-y", "--l-threshold", Arity::one},
    Option{"--tun-type", "", Arity::one},
    Option{"--tun-port", "", Arity::one},
    Option{"--tun-nocsum", "", Arity::none},
    Option{"--tun-csum", "", Arity::none},
    Option{"--tun-remcsum", "", Arity::none},
};

/// The options of a line, by the first of their names; of one without a value the word itself.
using Given = std::map<std::string_view, Word>;

struct Endpoint {
    net::Address address;
    std::int64_t port = 0;
};

class Importer {
  public:
    Importer(ProblemList& errors, ProblemList& remarks)
        : errors_(errors), remarks_(remarks), size_(errors) {}

    Table document(std::string_view text) {
        for (const auto& line : ipvsadm::lines_of(text)) {
            if (size_.is_too_large()) break;
            command(line);
        }
        List list;
        for (auto& service : services_) {
            if (!service.servers.empty())
                put(service.table, "real_server", node(std::move(service.servers), service.place));
            list.push_back(node(std::move(service.table), service.place));
        }
        Table document;
        if (!list.empty()) put(document, "virtual_server", node(std::move(list), {1, 1}));
        return document;
    }

    bool is_too_large() const { return size_.is_too_large(); }

  private:
    /// Protocol, address, port.
    using Key = std::tuple<std::string, net::Address, std::int64_t>;

    struct Service {
        Position place;
        Table table;
        List servers;
        std::int64_t port = 0;
        std::optional<std::string> method;
    };

    void command(const Line& line) {
        const auto given = options_of(line);
        if (!given) return;
        if (given->contains("-f") || given->contains("--sctp-service")) {
            without_address(line, *given);
        } else if (given->contains("-A")) {
            add_service(line, *given);
        } else if (given->contains("-a")) {
            add_server(line, *given);
        } else {
            left_out(line);
        }
    }

    void left_out(const Line& line) {
        remarks_.add(line.place, "only -A and -a are read: this line is left out",
                     "print the rules with `ipvsadm -Sn`");
    }

    std::optional<Given> options_of(const Line& line) {
        Given given;
        for (std::size_t i = 0; i < line.words.size(); ++i) {
            const auto& word = line.words[i];
            if (i == 0 && (word.text == "ipvsadm" || word.text.ends_with("/ipvsadm"))) continue;
            const auto equal =
                word.text.starts_with("--") ? word.text.find('=') : std::string::npos;
            const auto name = word.text.substr(0, equal);
            const auto option = std::ranges::find_if(options, [&](const Option& known) {
                return known.name == name || (!known.other.empty() && known.other == name);
            });
            if (option == options.end()) {
                if (given.contains("-A") || given.contains("-a")) {
                    errors_.add(word.place, fmt::format("unknown option {}", in_quotes(word.text)));
                } else {
                    left_out(line);
                }
                return std::nullopt;
            }
            auto value = word;
            const bool has_next = i + 1 < line.words.size();
            if (equal != std::string::npos) {
                value.text = word.text.substr(equal + 1);
            } else if (option->arity == Arity::one && !has_next) {
                errors_.add(word.place, fmt::format("{} needs a value", word.text));
                return std::nullopt;
            } else if (option->arity == Arity::one ||
                       (option->arity == Arity::perhaps && has_next &&
                        !line.words[i + 1].text.starts_with('-') && is_number(line.words[i + 1]))) {
                value = line.words[++i];
            } else if (option->arity == Arity::perhaps) {
                value.text.clear();
            }
            given[option->name] = value;
        }
        return given;
    }

    static bool is_number(const Word& word) {
        return std::ranges::all_of(word.text, [](char c) { return c >= '0' && c <= '9'; });
    }

    /// A number goes to the table as one, for its limits; anything else is refused.
    void put_number(Table& table, std::string_view key, const Given& given, std::string_view name) {
        const auto option = given.find(name);
        if (option == given.end()) return;
        const auto& word = option->second;
        std::int64_t number = 0;
        const auto* end = word.text.data() + word.text.size();
        const auto [read, error] = std::from_chars(word.text.data(), end, number);
        if (error == std::errc() && read == end) {
            put(table, key, node(number, word.place));
        } else {
            errors_.add(word.place, fmt::format("{} is not a whole number", in_quotes(word.text)));
        }
    }

    static void put_text(Table& table, std::string_view key, const Given& given,
                         std::string_view name) {
        const auto option = given.find(name);
        if (option != given.end()) put(table, key, node(option->second.text, option->second.place));
    }

    /// Said once for each virtual server, not for its real servers.
    void without_address(const Line& line, const Given& given) {
        if (given.contains("-f") && given.contains("-A")) {
            remarks_.add(line.place,
                         fmt::format("ipvsadm does not say which packets have mark {}: left out, "
                                     "with its real servers",
                                     in_quotes(given.at("-f").text)),
                         "write a virtual server with this firewall_mark and a [[mark]]; `shoal "
                         "import iptables-save` reads rules that set marks");
        } else if (given.contains("-A")) {
            remarks_.add(line.place, "SCTP has no counterpart: left out, with its real servers");
        }
    }

    std::optional<Endpoint> endpoint(const Word& word, const std::string& protocol) {
        std::string_view text = word.text;
        std::string_view host = text;
        std::string_view port;
        if (text.starts_with('[') && text.contains(']')) {
            host = text.substr(1, text.find(']') - 1);
            port = text.substr(text.find(']') + 1);
            if (port.starts_with(':')) port.remove_prefix(1);
        } else if (std::ranges::count(text, ':') == 1) {
            host = text.substr(0, text.find(':'));
            port = text.substr(text.find(':') + 1);
        }
        const auto address = net::Address::parse(host);
        if (!address) {
            errors_.add(word.place, fmt::format("{} is no address", in_quotes(host)),
                        "print them with `ipvsadm -Sn`: names are not looked up");
            return std::nullopt;
        }
        Endpoint endpoint{*address};
        if (port.empty()) return endpoint;
        const auto* end = port.data() + port.size();
        const auto [read, error] = std::from_chars(port.data(), end, endpoint.port);
        if (error == std::errc() && read == end) return endpoint;
        const auto service = service_port(std::string(port), protocol.c_str());
        if (!service) {
            errors_.add(word.place, fmt::format("{} is no port", in_quotes(port)));
            return std::nullopt;
        }
        endpoint.port = *service;
        return endpoint;
    }

    std::optional<Key> key_of(const Line& line, const Given& given) {
        const bool udp = given.contains("-u");
        if (!udp && !given.contains("-t")) {
            errors_.add(line.place, "the service is missing", "for instance -t 192.0.2.80:80");
            return std::nullopt;
        }
        const std::string protocol = udp ? "udp" : "tcp";
        const auto service = endpoint(given.at(udp ? "-u" : "-t"), protocol);
        if (!service) return std::nullopt;
        return Key{protocol, service->address, service->port};
    }

    void add_service(const Line& line, const Given& given) {
        const auto key = key_of(line, given);
        if (!key) return;
        const auto& [protocol, address, port] = *key;
        if (!by_key_.try_emplace(*key, services_.size()).second) {
            errors_.add(line.place, "this service was added already");
            return;
        }
        size_.add_virtual_server(line.place);
        Service service{line.place, {}, {}, port, {}};
        auto& table = service.table;
        put(table, "name",
            node(fmt::format("{} {} {}", protocol, address.to_string(), port), line.place));
        put(table, "address", node(address.to_string(), line.place));
        put(table, "device", node(std::string("eth0"), line.place));
        put(table, "protocol", node(protocol, line.place));
        put(table, "port", node(port, line.place));
        put_text(table, "scheduler", given, "-s");
        put_text(table, "persistence_netmask", given, "-M");
        persistence(table, given);
        flags(table, given);
        if (const auto option = given.find("-o"); option != given.end() || given.contains("ops"))
            put(table, "one_packet", node(true, line.place));
        if (const auto engine = given.find("--pe"); engine != given.end())
            remarks_.add(engine->second.place, "persistence engines have no counterpart");
        Table monitor;
        put(monitor, "type", node(std::string("none"), line.place));
        put(table, "monitor", node(std::move(monitor), line.place));
        remarks_.add(line.place,
                     fmt::format("ipvsadm knows neither the device nor the network of {}, and no "
                                 "checks: eth0 is a guess, and nothing is checked",
                                 address.to_string()),
                     "write device, the length of the network and [virtual_server.monitor]");
        services_.push_back(std::move(service));
    }

    void persistence(Table& table, const Given& given) {
        const auto option = given.find("-p");
        if (option == given.end()) return;
        constexpr std::int64_t of_ipvsadm = 300;
        if (option->second.text.empty()) {
            put(table, "persistence", node(of_ipvsadm, option->second.place));
        } else {
            put_number(table, "persistence", given, "-p");
        }
    }

    void flags(Table& table, const Given& given) {
        const auto option = given.find("-b");
        if (option == given.end()) return;
        List flags;
        std::string_view rest = option->second.text;
        while (!rest.empty()) {
            const auto end = std::min(rest.find(','), rest.size());
            if (end > 0) add_flag(flags, rest.substr(0, end), given, option->second.place);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        if (!flags.empty())
            put(table, "scheduler_flags", node(std::move(flags), option->second.place));
    }

    /// "sh-port", or by its number: what that means depends on the scheduler.
    void add_flag(List& flags, std::string_view flag, const Given& given, Position place) {
        const auto scheduler = given.find("-s");
        const auto name = scheduler == given.end() ? std::string() : scheduler->second.text;
        const bool has_flags = name == "sh" || name == "mh";
        if (!flag.starts_with("flag-")) {
            flags.push_back(node(std::string(flag), place));
        } else if (has_flags && (flag == "flag-1" || flag == "flag-2")) {
            flags.push_back(node(name + (flag == "flag-1" ? "-fallback" : "-port"), place));
        } else {
            remarks_.add(place,
                         fmt::format("the scheduler has no flag {}: left out", in_quotes(flag)));
        }
    }

    void add_server(const Line& line, const Given& given) {
        const auto key = key_of(line, given);
        if (!key) return;
        const auto known = by_key_.find(*key);
        if (known == by_key_.end() || !given.contains("-r")) {
            errors_.add(line.place, given.contains("-r") ? "there is no such service above"
                                                         : "the real server is missing");
            return;
        }
        const auto server = endpoint(given.at("-r"), std::get<0>(*key));
        if (!server) return;
        size_.add_real_server(line.place);
        auto& service = services_[known->second];
        Table table;
        put(table, "address", node(server->address.to_string(), given.at("-r").place));
        put(table, "name",
            node(fmt::format("{} {}", server->address.to_string(), server->port), line.place));
        const std::string method = given.contains("-m")   ? "nat"
                                   : given.contains("-i") ? "tunnel"
                                                          : "direct";
        if (!service.method) {
            service.method = method;
            put(service.table, "network_type", node(method, line.place));
        } else if (method != *service.method) {
            put(table, "network_type", node(method, line.place));
        }
        // With the other methods ipvsadm takes the service's port itself.
        if (method == "nat" && server->port != 0 && server->port != service.port)
            put(table, "port", node(server->port, given.at("-r").place));
        put_number(table, "weight", given, "-w");
        put_number(table, "upper_threshold", given, "-x");
        put_number(table, "lower_threshold", given, "-y");
        put_text(table, "tunnel_type", given, "--tun-type");
        put_number(table, "tunnel_port", given, "--tun-port");
        for (const auto* name : {"--tun-nocsum", "--tun-csum", "--tun-remcsum"}) {
            if (given.contains(name))
                remarks_.add(given.at(name).place, fmt::format("{} has no counterpart", name));
        }
        service.servers.push_back(node(std::move(table), line.place));
    }

    ProblemList& errors_;
    ProblemList& remarks_;
    ImportSize size_;
    std::vector<Service> services_;
    std::map<Key, std::size_t> by_key_;
};

}  // namespace

Imported import_ipvsadm(std::string_view text) {
    if (text.size() > max_file_size)
        return std::unexpected(std::vector{Problem{0, 0, "the file is too long", ""}});
    ProblemList errors;
    ProblemList remarks;
    Importer importer(errors, remarks);
    auto document = importer.document(without_byte_order_mark(text));
    if (importer.is_too_large()) return std::unexpected(errors.take());
    if (!errors.empty()) return std::unexpected(errors.take());
    auto configuration = read_model(document, errors);
    validate(configuration, document, {}, errors);
    if (!errors.empty()) return std::unexpected(errors.take());
    return Import{std::move(configuration), remarks.take()};
}

}  // namespace shoal::config
