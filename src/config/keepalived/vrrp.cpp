#include "config/keepalived/vrrp.h"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <map>
#include <utility>

#include "config/keepalived/keywords.h"
#include "config/keepalived/service.h"
#include "config/keepalived/values.h"
#include "config/keepalived/vrrp_tracks.h"

namespace shoal::config::keepalived {

namespace {

using model::in_quotes;
using model::milliseconds;

/// An address may be looked for by every virtual server.
constexpr std::size_t most_addresses = 16'384;
constexpr std::size_t most_instances = 4'096;
constexpr std::uint16_t owner_priority = 255;

/// "192.0.2.80/24 dev eth1 label eth1:1". `device`: where nothing is said.
std::optional<KnownAddress> read_address(const Statement& line, const std::string& device,
                                         Remarks& remarks) {
    const auto address = net::Prefix::parse(line.keyword);
    if (!address) {
        remarks.add(line.place, fmt::format("{} is no address, left out", in_quotes(line.keyword)),
                    "write it as 192.0.2.80/24");
        return std::nullopt;
    }
    KnownAddress known{*address, {device, device}};
    std::string label;
    std::string others;
    for (std::size_t i = 0; i < line.arguments.size(); ++i) {
        const auto& word = line.arguments[i];
        const auto value = i + 1 < line.arguments.size() ? line.arguments[i + 1] : "";
        if (word == "dev" && model::parse_device_name(value)) {
            known.device = {value, value};
            ++i;
        } else if (word == "label") {
            label = value;
            ++i;
        } else {
            others += ' ' + word;
        }
    }
    const auto labeled = model::parse_device_label(label);
    if (labeled && labeled->device == known.device.device) {
        known.device = *labeled;
    } else if (!label.empty()) {
        others += " label " + label;
    }
    if (!others.empty())
        remarks.add(line.place,
                    fmt::format("{}: {} is left out", line.keyword, in_quotes(others.substr(1))));
    return known;
}

class InstanceReader {
  public:
    InstanceReader(const Scripts& scripts, Context& context)
        : scripts_(scripts), context_(context), remarks_(context.remarks) {
        value_.version = context.vrrp_version;
    }

    void run(const Statement& statement);

    /// Who is active follows from the priorities; the others are so by themselves.
    void ignore(const Statement& statement) { (void)statement; }

    void device(const Statement& statement) {
        const auto device = model::parse_device_name(value_of(statement, remarks_));
        if (device) value_.device = *device;
    }
    void router_id(const Statement& statement) { byte(statement, value_.router_id); }
    void priority(const Statement& statement) { byte(statement, value_.priority); }
    void version(const Statement& statement) {
        const auto version = value_of(statement, remarks_, "version", [](std::string_view text) {
            return text == "2" || text == "3" ? number_of(text, 3) : std::nullopt;
        });
        if (version) value_.version = static_cast<std::uint16_t>(*version);
    }
    void interval(const Statement& statement) {
        if (const auto interval = seconds(statement)) {
            value_.interval = *interval;
            interval_place_ = statement.place;
        }
    }
    void no_preempt(const Statement& statement) {
        (void)statement;
        value_.preempt = false;
    }
    void preempt_delay(const Statement& statement) {
        if (const auto delay = seconds(statement))
            value_.preempt_delay = std::min(*delay, milliseconds(1'000'000));
        delay_place_ = statement.place;
    }
    void no_accept(const Statement& statement) {
        (void)statement;
        value_.accept = false;
    }
    void virtual_mac(const Statement& statement) {
        value_.virtual_mac = true;
        if (!statement.arguments.empty())
            remarks_.add(statement.place, "use_vmac: shoald names the device itself");
    }
    void source(const Statement& statement) {
        const auto address = net::Address::parse(value_of(statement, remarks_));
        if (address) {
            value_.source = *address;
        } else {
            remarks_.add(statement.place,
                         fmt::format("{}: that is no address, left out", statement.keyword));
        }
    }
    void peers(const Statement& statement) {
        for (const auto& line : statement.block) {
            const auto address = net::Address::parse(line.keyword);
            if (!address) {
                remarks_.add(line.place, fmt::format("unicast_peer: {} is no address, left out",
                                                     in_quotes(line.keyword)));
                continue;
            }
            if (value_.unicast_peers.size() >= most_of_instance) {
                remarks_.add(line.place, "too many in unicast_peer, what follows is left out",
                             fmt::format("at most {}", most_of_instance));
                return;
            }
            if (!line.arguments.empty())
                remarks_.add(line.place, "unicast_peer: limits of the TTL are left out");
            if (std::ranges::find(value_.unicast_peers, *address) == value_.unicast_peers.end())
                value_.unicast_peers.push_back(*address);
        }
    }
    void addresses(const Statement& statement) { address_blocks_.push_back(&statement); }
    void excluded(const Statement& statement) { excluded_blocks_.push_back(&statement); }
    void devices(const Statement& statement) { track_devices(statement, value_, remarks_); }
    void scripts(const Statement& statement) {
        track_scripts(statement, scripts_, value_, remarks_);
    }
    void notify(const Statement& statement) {
        if (auto script = read_script(statement, remarks_))
            value_.notify_command = std::move(script->command);
    }
    void sync_daemon(const Statement& statement) { read_sync_daemon(statement, context_); }

  private:
    std::optional<milliseconds> seconds(const Statement& statement) {
        return value_of(statement, remarks_, "number of seconds", seconds_of);
    }
    void byte(const Statement& statement, std::uint16_t& target) {
        const auto number =
            value_of(statement, remarks_, "number from 1 to 255", [](std::string_view text) {
                const auto value = number_of(text, 255);
                return value == 0 ? std::nullopt : value;
            });
        if (number) target = static_cast<std::uint16_t>(*number);
    }

    void read_addresses(const std::vector<const Statement*>& blocks, bool advertised) {
        for (const auto* block : blocks) {
            for (const auto& line : block->block) {
                if (auto known = read_address(line, value_.device, remarks_))
                    add_address(*known, advertised, line.place);
            }
        }
    }

    void add_address(const KnownAddress& known, bool advertised, const Place& place) {
        if (context_.addresses.size() >= most_addresses ||
            std::ranges::any_of(context_.addresses, [&](const auto& entry) {
                return entry.address.address == known.address.address;
            })) {
            remarks_.add(place, fmt::format("{} is in another place already, left out",
                                            known.address.address.to_string()));
            return;
        }
        context_.addresses.push_back(known);
        model::VrrpAddress address{known.address, {}};
        if (known.device != model::DeviceLabel{value_.device, value_.device})
            address.device = known.device;
        const bool other_family =
            !value_.addresses.empty() &&
            value_.addresses.front().address.address.is_v6() != known.address.address.is_v6();
        if (advertised && other_family)
            remarks_.add(place, "an address of the other family is not advertised");
        auto& list = advertised && !other_family ? value_.addresses : value_.unadvertised_addresses;
        list.push_back(std::move(address));
    }

    bool is_whole(const Statement& statement) {
        const auto lacks = value_.device.empty()      ? "an interface"
                           : value_.router_id == 0    ? "a virtual_router_id"
                           : value_.addresses.empty() ? "a virtual_ipaddress"
                           : value_.name.empty()      ? "a name"
                                                      : nullptr;
        if (lacks == nullptr) return true;
        remarks_.add(statement.place, fmt::format("this vrrp_instance lacks {}, left out", lacks));
        return false;
    }

    /// Of version 2 whole seconds, of version 3 steps of 10 ms.
    void round_interval() {
        if (value_.addresses.front().address.address.is_v6()) value_.version = 3;
        const milliseconds step(value_.version == 2 ? 1'000 : 10);
        const milliseconds most(value_.version == 2 ? 255'000 : 40'950);
        const auto steps = (value_.interval + step / 2) / step;
        const auto rounded = std::clamp(steps * step, step, most);
        if (rounded != value_.interval)
            remarks_.add(interval_place_,
                         fmt::format("advert_int is {} with version {}",
                                     model::format_duration(rounded), value_.version));
        value_.interval = rounded;
    }

    void mend(const Statement& statement) {
        round_interval();
        const bool never = !value_.preempt && value_.preempt_delay.count() > 0;
        if (never) {
            remarks_.add(delay_place_, "preempt_delay says nothing with nopreempt, left out");
            value_.preempt_delay = {};
        }
        if (value_.priority != owner_priority) return;
        const bool odd = !value_.preempt || value_.preempt_delay.count() > 0 || !value_.accept;
        if (odd)
            remarks_.add(statement.place,
                         "with priority 255 the addresses are this director's: "
                         "it preempts at once and accepts packets to them");
        value_.preempt = true;
        value_.preempt_delay = {};
        value_.accept = true;
        for (auto& device : value_.track_devices)
            device.weight = 0;
        for (auto& command : value_.track_commands)
            command.weight = 0;
    }

    const Scripts& scripts_;
    Context& context_;
    Remarks& remarks_;
    model::VrrpInstance value_;
    std::vector<const Statement*> address_blocks_;
    std::vector<const Statement*> excluded_blocks_;
    Place interval_place_;
    Place delay_place_;
};

constexpr std::string_view own_announcements = "addresses are announced as shoald does it";
constexpr std::string_view one_command = "notify tells a command of every change";
constexpr std::string_view no_routes = "only addresses go from one director to the other";
constexpr std::string_view not_tracked = "devices and programs are tracked";
constexpr std::array<Keyword<InstanceReader>, 66> instance_keywords{{
    {"state", &InstanceReader::ignore},
    {"native_ipv6", &InstanceReader::ignore},
    {"preempt", &InstanceReader::ignore},
    {"accept", &InstanceReader::ignore},
    {"interface", &InstanceReader::device},
    {"virtual_router_id", &InstanceReader::router_id},
    {"priority", &InstanceReader::priority},
    {"version", &InstanceReader::version},
    {"advert_int", &InstanceReader::interval},
    {"nopreempt", &InstanceReader::no_preempt},
    {"preempt_delay", &InstanceReader::preempt_delay},
    {"no_accept", &InstanceReader::no_accept},
    {"use_vmac", &InstanceReader::virtual_mac},
    {"mcast_src_ip", &InstanceReader::source},
    {"unicast_src_ip", &InstanceReader::source},
    {"unicast_peer", &InstanceReader::peers},
    {"virtual_ipaddress", &InstanceReader::addresses},
    {"virtual_ipaddress_excluded", &InstanceReader::excluded},
    {"track_interface", &InstanceReader::devices},
    {"track_script", &InstanceReader::scripts},
    {"notify", &InstanceReader::notify},
    {"lvs_sync_daemon", &InstanceReader::sync_daemon},
    {"lvs_sync_daemon_interface", &InstanceReader::sync_daemon},
    {"notify_master", nullptr, one_command},
    {"notify_backup", nullptr, one_command},
    {"notify_fault", nullptr, one_command},
    {"notify_stop", nullptr, one_command},
    {"notify_deleted", nullptr, one_command},
    {"notify_master_rx_lower_pri", nullptr, one_command},
    {"notify_priority_changes", nullptr, one_command},
    {"smtp_alert", nullptr, "mails tell of real servers and quorums"},
    {"authentication", nullptr, "RFC 9568 has none"},
    {"track_file", nullptr, not_tracked},
    {"track_process", nullptr, not_tracked},
    {"track_bfd", nullptr, not_tracked},
    {"track_src_ip", nullptr, not_tracked},
    {"virtual_routes", nullptr, no_routes},
    {"virtual_rules", nullptr, no_routes},
    {"no_virtual_ipaddress", nullptr, "an instance has an address"},
    {"dont_track_primary", nullptr, "the link of the device decides in any case"},
    {"linkbeat_use_polling", nullptr, "the kernel tells of links"},
    {"promote_secondaries", nullptr, "shoald puts back what the kernel takes along"},
    {"garp_master_delay", nullptr, own_announcements},
    {"garp_master_repeat", nullptr, own_announcements},
    {"garp_master_refresh", nullptr, own_announcements},
    {"garp_master_refresh_repeat", nullptr, own_announcements},
    {"garp_lower_prio_delay", nullptr, own_announcements},
    {"garp_lower_prio_repeat", nullptr, own_announcements},
    {"garp_extra_if", nullptr, own_announcements},
    {"lower_prio_no_advert", nullptr, own_announcements},
    {"higher_prio_send_advert", nullptr, own_announcements},
    {"down_timer_adverts", nullptr, "three intervals and the skew, as in RFC 9568"},
    {"strict_mode", nullptr, "the settings say what it does"},
    {"skip_check_adv_addr", nullptr, "advertisements are checked in any case"},
    {"check_unicast_src", nullptr, "only unicast_peers are heard"},
    {"unicast_ttl", nullptr, "advertisements have the TTL 255"},
    {"unicast_fault_no_peer", nullptr, "without unicast_peers multicast is meant"},
    {"old_unicast_checksum", nullptr, "checksums are those of the RFC"},
    {"mcast_dst_ip", nullptr, "the group is that of RFC 9568"},
    {"use_vmac_addr", nullptr, "see virtual_mac"},
    {"vmac_xmit_base", nullptr, "see virtual_mac"},
    {"use_ipvlan", nullptr, "see virtual_mac"},
    {"vrf", nullptr, "see device"},
    {"kernel_rx_buf_size", nullptr, "shoald chooses it"},
    {"debug", nullptr, "keepalived has none either"},
    {"sync_group_tracking_weight", nullptr, "weights hold as they are"},
}};

void InstanceReader::run(const Statement& statement) {
    if (context_.configuration.vrrp_instances.size() >= most_instances) {
        remarks_.add(statement.place, "too many vrrp_instances, this one is left out",
                     fmt::format("at most {}", most_instances));
        return;
    }
    if (!statement.arguments.empty() && model::parse_name(statement.arguments.front()))
        value_.name = statement.arguments.front();
    read_block<InstanceReader>(*this, statement.block, instance_keywords, "vrrp_instance",
                               remarks_);
    if (value_.device.empty()) value_.device = context_.default_device.value_or("");
    if (!value_.device.empty()) {
        if (!context_.default_device) context_.default_device = value_.device;
        read_addresses(address_blocks_, true);
        read_addresses(excluded_blocks_, false);
    }
    if (!is_whole(statement)) return;
    mend(statement);
    context_.instance_places.push_back(statement.place);
    context_.configuration.vrrp_instances.push_back(std::move(value_));
}

/// Those that are in no group yet.
using InstancesByName = std::map<std::string, model::VrrpInstance*, std::less<>>;

class GroupReader {
  public:
    GroupReader(const Scripts& scripts, InstancesByName& instances, Remarks& remarks)
        : scripts_(scripts), instances_(instances), remarks_(remarks) {}

    void run(const Statement& statement);

    void members(const Statement& statement) {
        const auto add = [&](const std::string& name) {
            const auto member = instances_.find(name);
            if (member == instances_.end()) {
                remarks_.add(statement.place,
                             fmt::format("there is no vrrp_instance {} without a group, left out",
                                         in_quotes(name)));
            } else {
                members_.push_back(member->second);
                instances_.erase(member);
            }
        };
        for (const auto& line : statement.block) {
            add(line.keyword);
            std::ranges::for_each(line.arguments, add);
        }
    }
    void devices(const Statement& statement) { gather(statement, devices_); }
    void scripts(const Statement& statement) { gather(statement, tracked_scripts_); }

  private:
    /// Every member has them all.
    void gather(const Statement& from, Statement& into) {
        for (const auto& line : from.block) {
            if (into.block.size() >= most_of_instance) {
                remarks_.add(line.place,
                             fmt::format("too many in {}, what follows is left out", from.keyword),
                             fmt::format("at most {}", most_of_instance));
                return;
            }
            into.block.push_back(line);
        }
    }

    const Scripts& scripts_;
    InstancesByName& instances_;
    Remarks& remarks_;
    std::vector<model::VrrpInstance*> members_;
    Statement devices_;
    Statement tracked_scripts_;
};

constexpr std::string_view of_instance = "set notify_command in one [[vrrp_instance]] of the group";
constexpr std::array<Keyword<GroupReader>, 16> group_keywords{{
    {"group", &GroupReader::members},
    {"track_interface", &GroupReader::devices},
    {"track_script", &GroupReader::scripts},
    {"track_file", nullptr, not_tracked},
    {"track_process", nullptr, not_tracked},
    {"track_bfd", nullptr, not_tracked},
    {"notify", nullptr, of_instance},
    {"notify_master", nullptr, of_instance},
    {"notify_backup", nullptr, of_instance},
    {"notify_fault", nullptr, of_instance},
    {"notify_stop", nullptr, of_instance},
    {"notify_deleted", nullptr, of_instance},
    {"notify_priority_changes", nullptr, of_instance},
    {"smtp_alert", nullptr, "mails tell of real servers and quorums"},
    {"global_tracking", nullptr, "a group is one in any case"},
    {"sync_group_tracking_weight", nullptr, "weights hold as they are"},
}};

void GroupReader::run(const Statement& statement) {
    read_block<GroupReader>(*this, statement.block, group_keywords, "vrrp_sync_group", remarks_);
    const auto name = statement.arguments.empty() ? "" : statement.arguments.front();
    if (members_.size() < 2 || !model::parse_name(name)) {
        remarks_.add(statement.place, "vrrp_sync_group without a name and two instances, left out");
        for (auto* member : members_)
            instances_.emplace(member->name, member);
        return;
    }
    for (auto* member : members_) {
        member->group = name;
        track_devices(devices_, *member, remarks_);
        track_scripts(tracked_scripts_, scripts_, *member, remarks_);
    }
}

void read_static_addresses(const Statement& statement, Context& context) {
    const auto device = context.default_device.value_or("eth0");
    for (const auto& line : statement.block) {
        const auto known = read_address(line, device, context.remarks);
        if (known && context.addresses.size() < most_addresses) context.addresses.push_back(*known);
    }
    context.remarks.add(statement.place,
                        "of static_ipaddress those of virtual servers come along, the others are "
                        "left out");
}

}  // namespace

void read_vrrp(const std::vector<Statement>& tree, Context& context) {
    const auto scripts = read_scripts(tree, context.remarks);
    for (const auto& statement : tree) {
        if (statement.keyword == "vrrp_instance") InstanceReader(scripts, context).run(statement);
    }
    InstancesByName instances;
    for (auto& instance : context.configuration.vrrp_instances)
        instances.emplace(instance.name, &instance);
    for (const auto& statement : tree) {
        if (statement.keyword == "vrrp_sync_group")
            GroupReader(scripts, instances, context.remarks).run(statement);
        if (statement.keyword == "static_ipaddress") read_static_addresses(statement, context);
    }
}

void read_sync_daemon(const Statement& statement, Context& context) {
    const auto device = model::parse_device_name(value_of(statement, context.remarks));
    if (!device) {
        context.remarks.add(statement.place,
                            fmt::format("{}: that is no device, left out", statement.keyword));
        return;
    }
    auto& redundancy = context.configuration.redundancy;
    redundancy.sync_connections = true;
    redundancy.sync_device = *device;
    const auto& words = statement.arguments;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const auto id = i + 1 < words.size() ? number_of(words[i + 1], 255) : std::nullopt;
        if (words[i] == "id" && id) {
            redundancy.sync_id = static_cast<std::uint16_t>(*id);
            ++i;
        } else {
            context.remarks.add(
                statement.place,
                fmt::format("{}: {} is left out", statement.keyword, in_quotes(words[i])));
        }
    }
}

}  // namespace shoal::config::keepalived
