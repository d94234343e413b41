#include "dataplane/bpf/explainer.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "dataplane/bpf/conversions.h"
#include "dataplane/bpf/installation.h"
#include "dataplane/bpf/verdict_texts.h"
#include "model/choices.h"
#include "score.h"

namespace shoal::dataplane {

namespace {

constexpr std::uint32_t zero_key = 0;

shoal_explanation ask(const PacketQuestion& question) {
    shoal_explanation raw{};
    put_address(raw.client_address, question.client);
    put_address(raw.virtual_address, question.virtual_address);
    raw.client_port = htons(question.client_port.value_or(0));
    raw.virtual_port = htons(question.virtual_port);
    raw.protocol = question.protocol == model::Protocol::tcp ? IPPROTO_TCP : IPPROTO_UDP;
    raw.with_client_port = question.client_port.has_value() ? 1 : 0;
    raw.service = raw.server = SHOAL_NOBODY;
    return raw;
}

Result<shoal_explanation> run(const Tables& tables, int program, shoal_explanation raw) {
    if (program < 0) {
        raw.verdict = SHOAL_VERDICT_foreign;
        return raw;
    }
    const int map = tables.fd("explanation");
    if (bpf_map_update_elem(map, &zero_key, &raw, BPF_ANY) != 0)
        return fail(system_error("asking the packet path", errno));
    const auto returned = run_program(program, 0);
    if (!returned) return fail(returned.error());
    if (*returned != 0) return fail("the packet path cannot read its tables");
    if (bpf_map_lookup_elem(map, &zero_key, &raw) != 0)
        return fail(system_error("reading the packet path's answer", errno));
    if (raw.verdict >= SHOAL_VERDICT_COUNT) return fail("the packet path gave no answer");
    return raw;
}

std::string device_name(std::uint32_t index) {
    std::array<char, IF_NAMESIZE> name{};
    return ::if_indextoname(index, name.data()) != nullptr ? name.data()
                                                           : fmt::format("device {}", index);
}

/// Who may enter, as the longest prefix of both lists says.
std::string access_text(const ServiceOptions& options, const net::Address& client, bool denied) {
    const net::Prefix* rule = nullptr;
    const char* list = nullptr;
    const auto look = [&](const std::vector<net::Prefix>& prefixes, const char* name) {
        for (const auto& prefix : prefixes) {
            if (!prefix.contains(client) || (rule != nullptr && prefix.length < rule->length))
                continue;
            rule = &prefix;
            list = name;
        }
    };
    look(options.allow, "allow");
    look(options.deny, "deny");
    const char* may = denied ? "may not" : "may";
    if (rule != nullptr)
        return fmt::format("{} {} open connections: {} in \"{}\"", client.to_string(), may,
                           rule->to_string(), list);
    return fmt::format("{} {} open connections: it is in neither \"allow\" nor \"deny\"",
                       client.to_string(), may);
}

std::string scheduler_text(const shoal_explanation& raw) {
    const auto scheduler = scheduler_from(raw.scheduler);
    const auto name = model::name_of(scheduler);
    switch (raw.scheduler) {
        case SHOAL_SCHEDULER_RR:
        case SHOAL_SCHEDULER_WRR:
            return fmt::format("{}: the next one that is usable, behind the last one chosen", name);
        case SHOAL_SCHEDULER_DH:
            return fmt::format("{}: by the virtual address", name);
        case SHOAL_SCHEDULER_SH:
        case SHOAL_SCHEDULER_MH:
            return fmt::format("{}: by the client's address{}", name,
                               raw.with_client_port != 0 ? "" : ", and its port where that counts");
        case SHOAL_SCHEDULER_LBLC:
        case SHOAL_SCHEDULER_LBLCR:
            return fmt::format("{}: {}", name,
                               raw.remembered != 0 ? "it serves this virtual address already"
                                                   : "the least loaded; nobody that is fit "
                                                     "serves this virtual address yet");
        case SHOAL_SCHEDULER_FO:
            return fmt::format("{}: the highest weight", name);
        case SHOAL_SCHEDULER_OVF:
            return fmt::format("{}: the highest weight that has connections to spare", name);
        case SHOAL_SCHEDULER_TWOS:
            return fmt::format("{}: the less loaded of two that chance draws by weight", name);
        default:
            return fmt::format("{}: the least loaded, the first of equals", name);
    }
}

/// Collects the steps of one answer.
class Teller {
  public:
    Teller(const Tables& tables, const PacketQuestion& question, const shoal_explanation& raw,
           std::vector<VirtualServers::Entry> entries)
        : tables_(tables), question_(question), raw_(raw), entries_(std::move(entries)) {}

    Explanation tell(const VirtualServers& virtual_servers) {
        told_.verdict = verdict_texts[raw_.verdict].name;
        told_.meaning = verdict_texts[raw_.verdict].meaning;
        tell_connection();
        if (raw_.verdict == SHOAL_VERDICT_foreign) {
            add("address", fmt::format("{} is no virtual server's: the packet goes on as if "
                                       "Shoal were not there",
                                       question_.virtual_address.to_string()));
        }
        const auto* entry = tell_service();
        if (entry != nullptr && !is_known()) tell_opening(*entry, virtual_servers);
        tell_server();
        return std::move(told_);
    }

  private:
    void add(std::string about, std::string finding) {
        told_.steps.push_back({std::move(about), std::move(finding)});
    }
    /// A later packet of a connection.
    bool is_known() const { return raw_.cell != 0 && raw_.gone == 0 && !raw_.opens; }

    void tell_connection() {
        if (!question_.client_port) {
            add("connection", "a new one: no client port was given");
        } else if (raw_.cell == 0) {
            add("connection", "there is none between these ports: a new one");
        } else if (raw_.gone != 0) {
            add("connection",
                "its real server was removed: TCP is reset, a SYN or a datagram "
                "begins a new one");
        } else {
            const auto& cell = tables_.connections[raw_.cell];
            const auto word = load_shared(cell.word);
            add("connection",
                fmt::format("known, {}{}", state_name(static_cast<__u8>(word)),
                            raw_.reopens != 0 ? "; a SYN would begin a new one instead"
                                              : ": it stays with its real server"));
        }
    }

    const VirtualServers::Entry* tell_service() {
        const auto entry = std::ranges::find(entries_, raw_.service, &VirtualServers::Entry::index);
        if (entry == entries_.end()) {
            if (raw_.verdict == SHOAL_VERDICT_no_service)
                add("virtual server",
                    fmt::format("{} has none for {} port {}", question_.virtual_address.to_string(),
                                model::name_of(question_.protocol), question_.virtual_port));
            return nullptr;
        }
        told_.virtual_server = entry->service.key.to_string();
        add("virtual server", told_.virtual_server);
        return &*entry;
    }

    void tell_opening(const VirtualServers::Entry& entry, const VirtualServers& virtual_servers) {
        const auto options = virtual_servers.options(entry.index);
        const bool denied = raw_.verdict == SHOAL_VERDICT_denied;
        if (raw_.verdict == SHOAL_VERDICT_no_connection) {
            add("client port", "from port 20 nobody may open a connection, as under IPVS");
            return;
        }
        if (raw_.verdict == SHOAL_VERDICT_martian) {
            add("client address", fmt::format("no client has {}: it is this host's, or of many",
                                              question_.client.to_string()));
            return;
        }
        if (!options.allow.empty() || !options.deny.empty())
            add("access", access_text(options, question_.client, denied));
        if (denied) return;
        if (options.persistence) {
            add("persistence", raw_.template_cell != 0
                                   ? "the client is bound to a real server"
                                   : "the client is not bound yet, or its real server is not to "
                                     "be used: the scheduler chooses");
        }
        tell_room();
        if (raw_.by_ring != 0)
            add("ring", "the client's address and port alone decide, so that all packets agree");
        if (raw_.scheduled != 0 || raw_.by_chance != 0) tell_scheduling(entry);
    }

    void tell_room() {
        if (raw_.one_packet != 0)
            add("table", "one-packet scheduling: no connection is made");
        else if (raw_.verdict == SHOAL_VERDICT_stateless)
            add("table", "full: the packet is sent without a record");
        else if (raw_.full != 0)
            add("table",
                "full, and the real server's answers would need a record to be translated");
        else if (raw_.by_ring != 0)
            add("table",
                "it was full of late: the packet may belong to a client who was served "
                "without a record");
    }

    void tell_scheduling(const VirtualServers::Entry& entry) {
        if (raw_.scheduled != 0) add("scheduler", scheduler_text(raw_));
        for (std::size_t i = 0; i < entry.server_indices.size(); ++i) {
            const auto& server = entry.service.servers[i];
            const auto load = load_shared(tables_.loads[entry.server_indices[i]].load);
            const bool overloaded = (load & SHOAL_LOAD_OVERLOADED) != 0;
            const bool usable = server.weight > 0 && !overloaded;
            if (raw_.by_chance != 0 && usable) told_.candidates.push_back(server.key.to_string());
            add("  real server",
                fmt::format("{} weight {}, {} active, {} inactive{}{}", server.key.to_string(),
                            server.weight, shoal_active(load), shoal_inactive(load),
                            overloaded           ? ", at its upper threshold"
                            : server.weight == 0 ? ", gets no new connections"
                                                 : "",
                            raw_.by_chance == 0 && entry.server_indices[i] == raw_.server
                                ? "  <- chosen"
                                : ""));
        }
    }

    void tell_server() {
        if (raw_.server >= tables_.servers.size() || raw_.by_chance != 0) return;
        const auto& record = tables_.servers[raw_.server];
        const auto goes_to =
            ServerKey{address_of(record.address, record.family), ntohs(raw_.real_port)}.to_string();
        const bool sent = raw_.verdict == SHOAL_VERDICT_new_connection ||
                          raw_.verdict == SHOAL_VERDICT_forwarded ||
                          raw_.verdict == SHOAL_VERDICT_local ||
                          raw_.verdict == SHOAL_VERDICT_stateless;
        if (sent) told_.real_server = goes_to;
        add("forwarding",
            fmt::format("{} to {}", model::name_of(method_from(raw_.method)), goes_to));
        add("next hop", next_hop_text(record, tables_.details[raw_.server]));
    }

    static std::string next_hop_text(const shoal_server& record,
                                     const shoal_server_detail& detail) {
        if ((load_shared(record.flags) & SHOAL_SERVER_LOCAL) != 0) return "the director itself";
        const auto interface = load_shared(record.interface);
        if (interface == 0) return "there is no route to the real server";
        const auto gateway = address_of(detail.next_hop, detail.family);
        net::MacAddress mac;
        std::ranges::copy(record.mac, mac.bytes.begin());
        const bool known = (load_shared(record.flags) & SHOAL_SERVER_NEXT_HOP_KNOWN) != 0;
        return fmt::format(
            "{} at {}, {}", gateway.to_string(), device_name(interface),
            known ? mac.to_string() : "hardware address not known yet: the kernel resolves it");
    }

    const Tables& tables_;
    const PacketQuestion& question_;
    const shoal_explanation& raw_;
    std::vector<VirtualServers::Entry> entries_;
    Explanation told_;
};

}  // namespace

Result<Explanation> explain(const Tables& tables, int program, VirtualServers& virtual_servers,
                            const PacketQuestion& question) {
    const auto raw = run(tables, program, ask(question));
    if (!raw) return fail(raw.error());
    auto entries = virtual_servers.list();
    if (!entries) return fail(entries.error());
    return Teller(tables, question, *raw, std::move(*entries)).tell(virtual_servers);
}

}  // namespace shoal::dataplane
