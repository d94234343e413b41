#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>
#include <span>
#include <variant>

#include "config/import_size.h"
#include "config/lvs_cf/file.h"
#include "config/lvs_cf/lexer.h"
#include "config/services.h"
#include "model/choices.h"
#include "model/text.h"

namespace shoal::config::lvs_cf {

namespace {

using model::in_quotes;
using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, 2> service_words{"lvs", "fos"};
constexpr std::array<std::string_view, 3> network_words{"nat", "direct", "tunnel"};
constexpr std::array<std::string_view, 2> protocol_words{"tcp", "udp"};
constexpr std::array<std::string_view, 8> scheduler_words{"rr",   "wrr",   "lc", "wlc",
                                                          "lblc", "lblcr", "dh", "sh"};

/// Takes one value; false: it was refused.
template <class Block>
using Slot = std::variant<Given<std::int64_t> Block::*, Given<bool> Block::*,
                          Given<std::string> Block::*, Given<Host> Block::*, Given<Placed> Block::*,
                          Given<Mask> Block::*, Given<Port> Block::*, std::monostate>;

template <class Block>
struct Key {
    std::string_view name;
    Slot<Block> slot;
    /// Not empty: only these.
    Words words = {};
    /// Of a key without a slot: why Shoal does without it.
    std::string_view without = {};
};

template <class Block>
Key<Block> unused(std::string_view name, std::string_view without) {
    return {name, std::monostate(), {}, without};
}

constexpr std::string_view by_vrrp = "VRRP takes its place";
constexpr std::string_view no_disks = "there are no shared disks";
constexpr std::string_view no_copy = "nothing is copied by rsh or ssh";
constexpr std::string_view never_read = "Piranha refused it too, although its web page wrote it";

const std::vector<Key<Global>>& global_keys() {
    static const std::vector<Key<Global>> keys{
        {"primary", &Global::primary},
        {"primary_private", &Global::primary_private},
        {"backup", &Global::backup},
        {"backup_private", &Global::backup_private},
        {"backup_active", &Global::backup_active},
        {"keepalive", &Global::keepalive},
        {"deadtime", &Global::deadtime},
        {"service", &Global::service, service_words},
        {"network", &Global::network, network_words},
        {"nat_router", &Global::nat_router},
        {"nat_nmask", &Global::nat_nmask},
        {"active_cmd", &Global::active_cmd},
        {"inactive_cmd", &Global::inactive_cmd},
        {"monitor_links", &Global::monitor_links},
        {"syncdaemon", &Global::syncdaemon},
        {"syncd_iface", &Global::syncd_iface},
        {"syncd_id", &Global::syncd_id},
        {"tcp_timeout", &Global::tcp_timeout},
        {"tcpfin_timeout", &Global::tcpfin_timeout},
        {"udp_timeout", &Global::udp_timeout},
        unused<Global>("serial_no", "edits are not numbered in the file"),
        unused<Global>("heartbeat", by_vrrp),
        unused<Global>("heartbeat_port", by_vrrp),
        unused<Global>("primary_shared", no_disks),
        unused<Global>("backup_shared", no_disks),
        unused<Global>("reservation_conflict_action", no_disks),
        unused<Global>("rsh_command", no_copy),
        unused<Global>("sync", no_copy),
        unused<Global>("debug_level", "nothing read it"),
        unused<Global>("hard_shutdown", "a check that ends stops nothing"),
        unused<Global>("ipvsadm", "the kernel is asked directly"),
    };
    return keys;
}

const std::vector<Key<Virtual>>& virtual_keys() {
    static const std::vector<Key<Virtual>> keys{
        {"active", &Virtual::active},
        {"address", &Virtual::address},
        {"vip_nmask", &Virtual::vip_nmask},
        {"sorry_server", &Virtual::sorry_server},
        {"fwmark", &Virtual::fwmark},
        {"protocol", &Virtual::protocol, protocol_words},
        {"port", &Virtual::port},
        {"scheduler", &Virtual::scheduler, scheduler_words},
        {"persistent", &Virtual::persistent},
        {"pmask", &Virtual::pmask},
        {"send", &Virtual::send},
        {"expect", &Virtual::expect},
        {"send_program", &Virtual::send_program},
        {"use_regex", &Virtual::use_regex},
        {"timeout", &Virtual::timeout},
        {"reentry", &Virtual::reentry},
        {"load_monitor", &Virtual::load_monitor},
        {"quiesce_server", &Virtual::quiesce_server},
        unused<Virtual>("client_monitor", "shoald checks the real servers itself"),
        unused<Virtual>("start_cmd", "it belongs to failover services"),
        unused<Virtual>("stop_cmd", "it belongs to failover services"),
        unused<Virtual>("master", "nothing read it"),
        unused<Virtual>("dirs", no_copy),
        unused<Virtual>("expect_program", never_read),
        unused<Virtual>("deadtime", never_read),
        unused<Virtual>("heartbeat", never_read),
    };
    return keys;
}

const std::vector<Key<Server>>& server_keys() {
    static const std::vector<Key<Server>> keys{
        {"address", &Server::address}, {"active", &Server::active},         {"port", &Server::port},
        {"weight", &Server::weight},   unused<Server>("nmask", never_read),
    };
    return keys;
}

/// As strtol() with base 0, without its overflow.
std::optional<std::int64_t> integer_of(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        base = 16;
        text.remove_prefix(2);
    } else if (text.starts_with('0') && text.size() > 1) {
        base = 8;
    }
    std::int64_t value = 0;
    if (text.starts_with('-')) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (end != text.data() + text.size() || text.empty()) return std::nullopt;
    if (error == std::errc::result_out_of_range) value = std::numeric_limits<std::int64_t>::max();
    return negative ? -value : value;
}

/// As inet_aton(): "10.1" is 10.0.0.1.
std::optional<std::uint32_t> loose_address(const std::string& text) {
    in_addr address{};
    if (::inet_aton(text.c_str(), &address) == 0) return std::nullopt;
    return ntohl(address.s_addr);
}

std::string small_letters(std::string_view text) {
    std::string small(text);
    std::ranges::transform(small, small.begin(), [](char byte) {
        return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte - 'A' + 'a') : byte;
    });
    return small;
}

class Reader {
  public:
    Reader(ProblemList& errors, ProblemList& remarks)
        : errors_(errors), remarks_(remarks), size_(errors) {}

    File read(const std::vector<Statement>& statements) {
        for (const auto& statement : statements) {
            if (size_.is_too_large()) break;
            if (statement.kind == Statement::Kind::end) {
                end(statement);
            } else if (statement.kind == Statement::Kind::block) {
                begin(statement);
            } else {
                assign(statement);
            }
        }
        if (!blocks_.empty() && !statements.empty())
            remarks_.add(statements.back().key.place, "the last block is not closed with }");
        return std::move(file_);
    }

  private:
    enum class In { top, virtual_server, server, failover };

    In in() const { return blocks_.empty() ? In::top : blocks_.back(); }

    void end(const Statement& statement) {
        if (blocks_.empty()) {
            errors_.add(statement.key.place, "this } ends no block", "remove it");
        } else {
            blocks_.pop_back();
        }
    }

    void begin(const Statement& statement) {
        const auto& kind = statement.key.text;
        const Given<std::string> name{statement.words.front().text, statement.key.place};
        if (in() == In::failover && kind == "server") {
            blocks_.push_back(In::failover);
        } else if (kind == "virtual" && in() == In::top) {
            size_.add_virtual_server(statement.key.place);
            blocks_.push_back(In::virtual_server);
            file_.virtuals.emplace_back().name = name;
        } else if (kind == "server" && in() == In::virtual_server) {
            size_.add_real_server(statement.key.place);
            blocks_.push_back(In::server);
            auto& service = file_.virtuals.back();
            auto& server = service.servers.emplace_back();
            server.name = name;
            server.port.value = service.port.value.number;
        } else if (kind == "failover" && in() == In::top) {
            blocks_.push_back(In::failover);
            remarks_.add(statement.key.place,
                         fmt::format("failover services have no counterpart: {} is left out",
                                     in_quotes(name.value)));
        } else {
            errors_.add(statement.key.place, fmt::format("{} cannot stand here", kind),
                        "virtual servers stand at the top, servers in them");
            blocks_.push_back(In::failover);
        }
    }

    void assign(const Statement& statement) {
        switch (in()) {
            case In::top:
                return assign(statement, global_keys(), file_.global, "the file");
            case In::virtual_server:
                return assign(statement, virtual_keys(), file_.virtuals.back(), "a virtual server");
            case In::server:
                return assign(statement, server_keys(), file_.virtuals.back().servers.back(),
                              "a server");
            case In::failover:
                return;
        }
    }

    template <class Block>
    void assign(const Statement& statement, const std::vector<Key<Block>>& keys, Block& block,
                std::string_view where) {
        const auto small = small_letters(statement.key.text);
        const auto key = std::ranges::find(keys, small, &Key<Block>::name);
        if (key == keys.end()) {
            std::vector<std::string_view> known;
            for (const auto& other : keys)
                known.push_back(other.name);
            errors_.add(
                statement.key.place,
                fmt::format("unknown command {} in {}", in_quotes(statement.key.text), where),
                advise(small, known));
            return;
        }
        if (small != statement.key.text)
            remarks_.add(statement.key.place, "Piranha knew this word in small letters alone");
        if (std::holds_alternative<std::monostate>(key->slot)) {
            remarks_.add(statement.key.place,
                         fmt::format("{} has no counterpart: {}", key->name, key->without));
            return;
        }
        std::visit(
            [&]<class Member>(Member member) {
                if constexpr (!std::same_as<Member, std::monostate>)
                    take(statement, *key, block.*member);
            },
            key->slot);
    }

    /// Reads the statement's words into the value. The last statement of a key holds.
    template <class Block, class Value>
    void take(const Statement& statement, const Key<Block>& key, Given<Value>& given) {
        Value value{};
        if (!read_value(statement, key.words, value)) return;
        given = {std::move(value), statement.words.front().place};
    }

    const Word* only_word(const Statement& statement) {
        if (statement.words.size() == 1) return &statement.words.front();
        unexpected(statement.words[1]);
        return nullptr;
    }

    void unexpected(const Word& word) {
        errors_.add(word.place, fmt::format("unexpected {}", in_quotes(word.text)),
                    "one value is enough; put a text with blanks between quotation marks");
    }

    bool refuse(const Word& word, std::string_view wanted) {
        errors_.add(word.place, fmt::format("{} is not {}", in_quotes(word.text), wanted));
        return false;
    }

    bool read_value(const Statement& statement, Words, std::int64_t& value) {
        const auto* word = only_word(statement);
        if (word == nullptr) return false;
        const auto number = integer_of(word->text);
        if (!number) return refuse(*word, "a whole number");
        value = *number;
        return true;
    }

    bool read_value(const Statement& statement, Words words, bool& value) {
        std::int64_t number = 0;
        if (!read_value(statement, words, number)) return false;
        if (number != 0 && number != 1) return refuse(statement.words.front(), "0 or 1");
        value = number == 1;
        return true;
    }

    bool read_value(const Statement& statement, Words, Port& value) {
        const auto* word = only_word(statement);
        if (word == nullptr) return false;
        const auto number = integer_of(word->text);
        const auto service = number ? std::nullopt : service_port(word->text, "tcp");
        if (!number && !service) return refuse(*word, "a port or a TCP service");
        value.number = number ? *number : *service;
        return true;
    }

    bool read_value(const Statement& statement, Words words, std::string& value) {
        if (!words.empty()) return read_choice(statement, words, value);
        value = statement.words.front().text;
        if (statement.words.size() == 1) return true;
        if (std::ranges::any_of(statement.words, &Word::quoted)) {
            unexpected(statement.words[1]);
            return false;
        }
        for (const auto& word : std::span(statement.words).subspan(1))
            value += ' ' + word.text;
        remarks_.add(statement.words[1].place,
                     "Piranha took a text with blanks only between quotation marks");
        return true;
    }

    bool read_choice(const Statement& statement, Words words, std::string& value) {
        const auto* word = only_word(statement);
        if (word == nullptr) return false;
        value = small_letters(word->text);
        if (std::ranges::find(words, value) == words.end()) {
            if (words.data() != scheduler_words.data() ||
                !model::value_of<model::Scheduler>(value)) {
                errors_.add(word->place, fmt::format("unknown value {}", in_quotes(word->text)),
                            advise(value, words));
                return false;
            }
            remarks_.add(word->place, "Piranha did not know this scheduler");
        } else if (value != word->text) {
            remarks_.add(word->place, "Piranha knew this word in small letters alone");
        }
        return true;
    }

    bool read_host(const Word& word, Host& value) {
        value.name = word.text;
        const auto parsed = net::Address::parse(word.text);
        if (parsed) {
            if (parsed->is_v6() || parsed->v4_bits() != 0) value.address = *parsed;
            if (parsed->is_v6()) remarks_.add(word.place, "Piranha knew IPv4 alone");
            return true;
        }
        const bool numeric = std::ranges::all_of(word.text, [](char byte) {
            return (byte >= '0' && byte <= '9') || byte == '.' || byte == ':';
        });
        return !numeric || refuse(word, "an address");
    }

    bool read_value(const Statement& statement, Words, Host& value) {
        const auto* word = only_word(statement);
        if (word == nullptr || !read_host(*word, value)) return false;
        const auto& key = statement.key.text;
        if (value.address) return true;
        if (is_none(value)) {
            if (key.starts_with("primary") || key == "backup_private")
                remarks_.add(word->place, "Piranha took this for no address; it means none here");
            return true;
        }
        return key != "sorry_server" || refuse(*word, "an address");
    }

    bool read_value(const Statement& statement, Words, Placed& value) {
        const auto& words = statement.words;
        if (words.size() == 1) {
            // What is no address is not shown: a file may have anything, and a terminal obeys.
            const auto address = net::Address::parse(words.front().text);
            errors_.add(words.front().place, "the device is missing",
                        fmt::format("for instance {} eth0:1",
                                    address ? address->to_string() : "192.0.2.80"));
            return false;
        }
        if (words.size() > 2) {
            unexpected(words[2]);
            return false;
        }
        value.device = words[1].text;
        return read_host(words[0], value.host);
    }

    bool read_value(const Statement& statement, Words, Mask& value) {
        const auto* word = only_word(statement);
        if (word == nullptr) return false;
        const auto bits = loose_address(word->text);
        const bool checked = statement.key.text != "pmask";
        if (!bits && checked) return refuse(*word, "a network mask");
        value.bits = bits.value_or(0);
        if (bits) return true;
        remarks_.add(word->place, "this is no network mask: Piranha went on without one");
        return true;
    }

    ProblemList& errors_;
    ProblemList& remarks_;
    ImportSize size_;
    File file_;
    /// Those that are open, the innermost last. What is unknown counts as a failover service.
    std::vector<In> blocks_;
};

}  // namespace

File read_file(std::string_view text, ProblemList& errors, ProblemList& remarks) {
    if (text.empty()) {
        errors.add({0, 0}, "the file is empty");
        return {};
    }
    const auto statements = statements_of(text, errors, remarks);
    return Reader(errors, remarks).read(statements);
}

}  // namespace shoal::config::lvs_cf
