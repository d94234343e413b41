#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <utility>
#include <variant>

#include "config/ipvsadm/ipvsadm.h"
#include "config/ipvsadm/words.h"
#include "config/model_reader.h"
#include "config/problem_list.h"
#include "config/table_builder.h"
#include "config/text_lines.h"
#include "config/toml_reader.h"
#include "model/text.h"

namespace shoal::config {

namespace {

using ipvsadm::Line;
using ipvsadm::Word;
using model::in_quotes;

/// Decimal, or hexadecimal with 0x.
std::optional<std::int64_t> number_of(std::string_view text) {
    const int base = text.starts_with("0x") ? 16 : 10;
    if (base == 16) text.remove_prefix(2);
    std::int64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [read, error] = std::from_chars(text.data(), end, number, base);
    if (error != std::errc() || read != end || number < 0) return std::nullopt;
    return number;
}

struct Rule {
    std::int64_t value = 0;
    std::string address;
    std::string protocol;
    List ports;
    Position place;
};

/// The short name of an option of iptables; the word itself where it has none.
std::string_view short_name(std::string_view option) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 13> names{{
        {"--append", "-A"},
        {"--insert", "-I"},
        {"--table", "-t"},
        {"--wait", "-w"},
        {"--destination", "-d"},
        {"--dst", "-d"},
        {"--protocol", "-p"},
        {"--proto", "-p"},
        {"--match", "-m"},
        {"--in-interface", "-i"},
        {"--jump", "-j"},
        {"--destination-port", "--dport"},
        {"--destination-ports", "--dports"},
    }};
    const auto known =
        std::ranges::find(names, option, [](const auto& name) { return name.first; });
    return known == names.end() ? option : known->second;
}

/// "iptables", "/sbin/ip6tables", "iptables-legacy".
bool is_program(std::string_view word) {
    word.remove_prefix(word.rfind('/') + 1);
    return word == "iptables" || word == "ip6tables" || word.starts_with("iptables-") ||
           word.starts_with("ip6tables-");
}

/// "[12:840]", the packets and bytes that `iptables-save -c` puts before a rule.
bool is_counter(std::string_view word) {
    if (!word.starts_with('[') || !word.ends_with(']')) return false;
    word = word.substr(1, word.size() - 2);
    const auto colon = word.find(':');
    return colon != std::string_view::npos && number_of(word.substr(0, colon)) &&
           number_of(word.substr(colon + 1));
}

class Importer {
  public:
    explicit Importer(ProblemList& remarks) : remarks_(remarks) {}

    Table document(std::string_view text) {
        for (const auto& line : ipvsadm::lines_of(text))
            take(line);
        if (!found_)
            remarks_.add({0, 0}, "there is no rule that sets a mark",
                         "print the rules with `iptables-save -t mangle`");
        List marks;
        for (auto& rule : rules_) {
            Table table;
            put(table, "value", node(rule.value, rule.place));
            put(table, "address", node(std::move(rule.address), rule.place));
            put(table, "protocol", node(std::move(rule.protocol), rule.place));
            put(table, "ports", node(std::move(rule.ports), rule.place));
            marks.push_back(node(std::move(table), rule.place));
        }
        Table document;
        if (!marks.empty()) put(document, "mark", node(std::move(marks), {1, 1}));
        return document;
    }

  private:
    /// Tables, chains, COMMIT, and rules that set no mark are of no interest.
    void take(const Line& line) {
        const auto is = [](std::string_view text) {
            return [text](const Word& word) { return short_name(word.text) == text; };
        };
        std::span<const Word> words = line.words;
        const auto target = std::ranges::find_if(words, is("-j"));
        if (target == words.end() || target + 1 == words.end() ||
            !((target + 1)->text == "MARK" || (target + 1)->text == "CONNMARK"))
            return;
        found_ = true;
        if (is_counter(words.front().text)) words = words.subspan(1);
        if (is_program(words.front().text)) words = words.subspan(1);
        const auto command = std::ranges::find_if(words, [](const Word& word) {
            const auto name = short_name(word.text);
            return name == "-A" || name == "-I";
        });
        if (!words.front().text.starts_with('-') || command == words.end() ||
            command + 1 == words.end()) {
            remarks_.add(line.place, "this is no rule that iptables adds: the line is left out",
                         "for instance -A PREROUTING -d 192.0.2.80/32 -p tcp --dport 80 -j MARK "
                         "--set-mark 80");
            return;
        }
        if (const auto& chain = *(command + 1); chain.text != "PREROUTING") {
            remarks_.add(chain.place,
                         fmt::format("only rules of PREROUTING are read, not those of {}: the "
                                     "rule is left out",
                                     in_quotes(chain.text)),
                         "a [[mark]] marks every packet that comes in for its address");
            return;
        }
        auto rule = rule_of(line, words);
        if (rule) keep(*std::move(rule));
    }

    std::optional<Rule> leave_out(const Word& word) {
        remarks_.add(
            word.place,
            fmt::format("a [[mark]] cannot say {}: the rule is left out", in_quotes(word.text)),
            "a [[mark]] has a destination address, a protocol and ports");
        return std::nullopt;
    }

    std::optional<Rule> rule_of(const Line& line, std::span<const Word> words) {
        const auto has_number = [&](std::size_t i) {
            return i < words.size() && number_of(words[i].text);
        };
        Rule rule;
        rule.place = line.place;
        for (std::size_t i = 0; i < words.size(); ++i) {
            const auto option = short_name(words[i].text);
            if (option == "-w") {
                if (has_number(i + 1)) ++i;
                continue;
            }
            if (i + 1 == words.size()) return leave_out(words[i]);
            const auto& value = words[++i];
            if (option == "-A" || option == "-t") {
                // The chain is looked at already; a mark is one in every table.
            } else if (option == "-I") {
                if (has_number(i + 1)) ++i;
            } else if (option == "-d") {
                rule.address = value.text.substr(0, value.text.find('/'));
                const auto prefix = net::Prefix::parse(value.text);
                if (!prefix || prefix->length != prefix->address.bit_length())
                    return leave_out(value);
            } else if (option == "-p") {
                rule.protocol = value.text;
                if (value.text != "tcp" && value.text != "udp") return leave_out(value);
            } else if (option == "-m") {
                if (value.text != "tcp" && value.text != "udp" && value.text != "multiport")
                    return leave_out(value);
            } else if (option == "--dport" || option == "--dports") {
                if (!ports(rule, value)) return leave_out(value);
            } else if (option == "-i") {
                remarks_.add(value.place, "marks are set on every device, not on this one alone");
            } else if (option == "-j") {
                if (value.text != "MARK") return leave_out(value);
            } else if (option == "--set-mark" || option == "--set-xmark") {
                if (!mark(rule, value)) return leave_out(value);
            } else {
                return leave_out(words[i - 1]);
            }
        }
        return complete(std::move(rule));
    }

    std::optional<Rule> complete(Rule rule) {
        if (rule.address.empty() || rule.protocol.empty() || rule.value == 0) {
            remarks_.add(rule.place,
                         "a [[mark]] needs a destination address, a protocol and a mark: the rule "
                         "is left out");
            return std::nullopt;
        }
        if (rule.ports.empty()) rule.ports.push_back(node(std::int64_t{0}, rule.place));
        return rule;
    }

    /// "80", "8000:8100", "80,443,8000:8100".
    static bool ports(Rule& rule, const Word& word) {
        std::string_view rest = word.text;
        while (true) {
            const auto item = rest.substr(0, rest.find(','));
            const auto first = number_of(item.substr(0, item.find(':')));
            if (!first) return false;
            if (item.contains(':')) {
                const auto last = number_of(item.substr(item.find(':') + 1));
                if (!last) return false;
                rule.ports.push_back(*first == *last
                                         ? node(*first, word.place)
                                         : node(fmt::format("{}-{}", *first, *last), word.place));
            } else {
                rule.ports.push_back(node(*first, word.place));
            }
            if (item.size() == rest.size()) return true;
            rest.remove_prefix(item.size() + 1);
        }
    }

    /// The whole mark, rather than some bits of it.
    static bool mark(Rule& rule, const Word& word) {
        const std::string_view text = word.text;
        const auto slash = text.find('/');
        const auto value = number_of(text.substr(0, slash));
        if (!value || (slash != std::string_view::npos && text.substr(slash) != "/0xffffffff"))
            return false;
        rule.value = *value;
        return true;
    }

    /// Rules that differ in their devices alone name a port twice.
    void keep(Rule rule) {
        const Key key{rule.value, rule.address, rule.protocol};
        const auto [entry, added] = by_key_.try_emplace(key, rules_.size(), std::set<Port>());
        auto& [index, known] = entry->second;
        List ports;
        for (auto& port : rule.ports) {
            if (known.insert(port_of(port)).second) ports.push_back(std::move(port));
        }
        if (added) {
            rule.ports = std::move(ports);
            rules_.push_back(std::move(rule));
        } else {
            std::ranges::move(ports, std::back_inserter(rules_[index].ports));
        }
    }

    /// A number, or a range as it is written.
    using Port = std::variant<std::int64_t, std::string>;
    /// Mark, address, protocol.
    using Key = std::tuple<std::int64_t, std::string, std::string>;

    static Port port_of(const Node& port) {
        const auto* range = std::get_if<std::string>(&port.value);
        return range != nullptr ? Port(*range) : Port(std::get<std::int64_t>(port.value));
    }

    ProblemList& remarks_;
    /// A rule that sets a mark, be it left out or not.
    bool found_ = false;
    std::vector<Rule> rules_;
    std::map<Key, std::pair<std::size_t, std::set<Port>>> by_key_;
};

}  // namespace

Imported import_iptables(std::string_view text) {
    if (text.size() > max_file_size)
        return std::unexpected(std::vector{Problem{0, 0, "the file is too long", ""}});
    ProblemList errors;
    ProblemList remarks;
    auto document = Importer(remarks).document(without_byte_order_mark(text));
    // Without the virtual servers it is no whole configuration: validate() would miss them.
    auto configuration = read_model(document, errors);
    if (!errors.empty()) return std::unexpected(errors.take());
    return Import{std::move(configuration), remarks.take()};
}

}  // namespace shoal::config
