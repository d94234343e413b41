#include "config/keepalived/globals.h"

#include <fmt/format.h>

#include <array>

#include "config/keepalived/keywords.h"
#include "config/keepalived/values.h"
#include "config/keepalived/vrrp.h"
#include "config/monitor_texts.h"

namespace shoal::config::keepalived {

namespace {

using model::in_quotes;
using model::milliseconds;

class GlobalReader {
  public:
    explicit GlobalReader(Context& context) : context_(context), remarks_(context.remarks) {}

    void run(const Statement& statement);

    void name(const Statement& statement) {
        const auto name = model::parse_name(value_of(statement, remarks_));
        if (name) {
            context_.configuration.global.name = *name;
        } else {
            remarks_.add(statement.place,
                         fmt::format("{} is no name here, left out", statement.keyword),
                         name.error().message);
        }
    }
    void mail_to(const Statement& statement) {
        context_.mails.place = statement.place;
        for (const auto& line : statement.block) {
            if (line.keyword == "smtp_alert") continue;
            add_mail_address(line.keyword, line.place);
            for (const auto& more : line.arguments)
                add_mail_address(more, line.place);
        }
    }
    void mail_from(const Statement& statement) {
        const std::string from(value_of(statement, remarks_));
        if (is_mail(from, statement.place)) context_.mails.from = from;
    }
    void relay(const Statement& statement) {
        std::string host(value_of(statement, remarks_));
        if (host.empty()) return;
        if (statement.arguments.size() > 1) {
            const auto address = net::Address::parse(host);
            if (address && address->is_v6()) host = "[" + host + "]";
            host += ":" + statement.arguments[1];
        }
        if (is_host_and_port(host)) {
            context_.mails.relay = host;
        } else {
            remarks_.add(
                statement.place,
                fmt::format("smtp_server: {} is no host with a port, left out", in_quotes(host)));
        }
    }
    void mails(const Statement& statement) { context_.mails.all = flag(statement); }
    void mails_of_checks(const Statement& statement) { context_.mails.of_checks = flag(statement); }
    void no_mails_of_checks(const Statement& statement) {
        (void)statement;
        context_.mails.none_of_checks = true;
    }
    void timeouts(const Statement& statement) {
        auto& own = context_.configuration.global.timeouts;
        const auto& words = statement.arguments;
        for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
            auto* timeout = words[i] == "tcp"      ? &own.established
                            : words[i] == "tcpfin" ? &own.fin_wait
                            : words[i] == "udp"    ? &own.udp
                                                   : nullptr;
            const auto value = seconds_of(words[i + 1]);
            constexpr milliseconds longest{7 * 86'400'000};
            if (timeout != nullptr && value && *value > milliseconds(0)) {
                *timeout = std::clamp(*value, milliseconds(100), longest);
            } else {
                remarks_.add(statement.place,
                             fmt::format("lvs_timeouts: {} {} is left out", in_quotes(words[i]),
                                         in_quotes(words[i + 1])));
            }
        }
    }
    void sync_daemon(const Statement& statement) { read_sync_daemon(statement, context_); }
    void vrrp_version(const Statement& statement) {
        const auto version = value_of(statement, remarks_, "version", [](std::string_view text) {
            return text == "2" || text == "3" ? number_of(text, 3) : std::nullopt;
        });
        if (version) context_.vrrp_version = static_cast<std::uint16_t>(*version);
    }
    void device(const Statement& statement) {
        const auto device = model::parse_device_name(value_of(statement, remarks_));
        if (device) context_.default_device = *device;
    }

  private:
    static bool flag(const Statement& statement) {
        return statement.arguments.empty() || flag_of(statement.arguments.front()).value_or(true);
    }

    void add_mail_address(const std::string& address, const Place& place) {
        if (is_mail(address, place)) context_.mails.to.push_back(address);
    }

    bool is_mail(const std::string& address, const Place& place) {
        const bool is = model::is_mail_address(address);
        if (!is)
            remarks_.add(place, fmt::format("{} is no mail address, left out", in_quotes(address)));
        return is;
    }

    Context& context_;
    Remarks& remarks_;
};

constexpr std::string_view own_process = "shoald runs its own way";
constexpr std::string_view own_announcements = "addresses are announced as shoald does it";
constexpr std::string_view own_scripts = "programs run as a user without rights";
constexpr std::string_view per_instance = "set it in each [[vrrp_instance]]";
constexpr std::string_view own_views = "shoal status and the API show it";
constexpr std::string_view own_firewall = "no firewall is needed";
constexpr std::array<Keyword<GlobalReader>, 79> global_keywords{{
    {"router_id", &GlobalReader::name},
    {"lvs_id", &GlobalReader::name},
    {"notification_email", &GlobalReader::mail_to},
    {"notification_email_from", &GlobalReader::mail_from},
    {"smtp_server", &GlobalReader::relay},
    {"smtp_alert", &GlobalReader::mails},
    {"smtp_alert_checker", &GlobalReader::mails_of_checks},
    {"no_checker_emails", &GlobalReader::no_mails_of_checks},
    {"lvs_timeouts", &GlobalReader::timeouts},
    {"default_interface", &GlobalReader::device},
    {"lvs_sync_daemon", &GlobalReader::sync_daemon},
    {"vrrp_version", &GlobalReader::vrrp_version},
    {"smtp_alert_vrrp", nullptr, "mails tell of real servers and quorums"},
    {"no_email_faults", nullptr, "mails tell of real servers and quorums"},
    {"smtp_helo_name", nullptr, "the director's name is said"},
    {"smtp_connect_timeout", nullptr, "a mail that fails is reported"},
    {"checker_log_all_failures", nullptr, "the journal has every change of a real server"},
    {"lvs_flush", nullptr, "the data plane is brought to what the file says"},
    {"lvs_flush_on_stop", nullptr, "see shoal stop"},
    {"lvs_notify_fifo", nullptr, "see [[notification]]"},
    {"lvs_notify_fifo_script", nullptr, "see [[notification]]"},
    {"notify_fifo", nullptr, "see [[notification]]"},
    {"notify_fifo_script", nullptr, "see [[notification]]"},
    {"vrrp_notify_fifo", nullptr, per_instance},
    {"vrrp_notify_fifo_script", nullptr, per_instance},
    {"vrrp_notify_priority_changes", nullptr, per_instance},
    {"startup_script", nullptr, own_scripts},
    {"startup_script_timeout", nullptr, own_scripts},
    {"shutdown_script", nullptr, own_scripts},
    {"shutdown_script_timeout", nullptr, own_scripts},
    {"script_user", nullptr, own_scripts},
    {"enable_script_security", nullptr, own_scripts},
    {"vrrp_mcast_group4", nullptr, "the group is that of RFC 9568"},
    {"vrrp_mcast_group6", nullptr, "the group is that of RFC 9568"},
    {"vrrp_garp_master_delay", nullptr, own_announcements},
    {"vrrp_garp_master_repeat", nullptr, own_announcements},
    {"vrrp_garp_lower_prio_delay", nullptr, own_announcements},
    {"vrrp_garp_lower_prio_repeat", nullptr, own_announcements},
    {"vrrp_garp_master_refresh", nullptr, own_announcements},
    {"vrrp_garp_master_refresh_repeat", nullptr, own_announcements},
    {"vrrp_garp_interval", nullptr, own_announcements},
    {"vrrp_gna_interval", nullptr, own_announcements},
    {"vrrp_garp_extra_if", nullptr, own_announcements},
    {"vrrp_min_garp", nullptr, own_announcements},
    {"vrrp_lower_prio_no_advert", nullptr, own_announcements},
    {"vrrp_higher_prio_send_advert", nullptr, own_announcements},
    {"vrrp_down_timer_adverts", nullptr, "three intervals and the skew, as in RFC 9568"},
    {"vrrp_check_unicast_src", nullptr, "only unicast_peers are heard"},
    {"vrrp_skip_check_adv_addr", nullptr, "advertisements are checked in any case"},
    {"vrrp_strict", nullptr, "each [[vrrp_instance]] says what it does"},
    {"vrrp_startup_delay", nullptr, "see preempt_delay of [[vrrp_instance]]"},
    {"vrrp_iptables", nullptr, own_firewall},
    {"vrrp_ipsets", nullptr, own_firewall},
    {"nftables", nullptr, own_firewall},
    {"nftables_counters", nullptr, own_firewall},
    {"nftables_ifindex", nullptr, own_firewall},
    {"nftables_priority", nullptr, own_firewall},
    {"nftables_ipvs", nullptr, own_firewall},
    {"nftables_ipvs_start_fwmark", nullptr, own_firewall},
    {"enable_snmp_vrrp", nullptr, own_views},
    {"enable_snmp_checker", nullptr, own_views},
    {"enable_snmp_rfc", nullptr, own_views},
    {"enable_snmp_rfcv2", nullptr, own_views},
    {"enable_snmp_rfcv3", nullptr, own_views},
    {"enable_traps", nullptr, own_views},
    {"snmp_socket", nullptr, own_views},
    {"enable_dbus", nullptr, own_views},
    {"dbus_service_name", nullptr, own_views},
    {"process_names", nullptr, own_process},
    {"dynamic_interfaces", nullptr, own_process},
    {"vrrp_priority", nullptr, own_process},
    {"checker_priority", nullptr, own_process},
    {"vrrp_rt_priority", nullptr, own_process},
    {"checker_rt_priority", nullptr, own_process},
    {"vrrp_no_swap", nullptr, own_process},
    {"checker_no_swap", nullptr, own_process},
    {"rs_init_notifies", nullptr, "the first state of a real server is no event"},
    {"reload_time_file", nullptr, own_process},
    {"max_auto_priority", nullptr, own_process},
}};

void GlobalReader::run(const Statement& statement) {
    read_block<GlobalReader>(*this, statement.block, global_keywords, "global_defs", remarks_);
}

class TlsReader {
  public:
    explicit TlsReader(Context& context) : context_(context) {}

    void run(const Statement& statement);

    void certificate(const Statement& statement) { context_.tls.certificate = path(statement); }
    void key(const Statement& statement) { context_.tls.key = path(statement); }

  private:
    /// Empty, with a remark, where it is none.
    std::string path(const Statement& statement) {
        const auto path = value_of(statement, context_.remarks);
        if (path.starts_with('/')) return std::string(path);
        context_.remarks.add(statement.place, fmt::format("{}: {} is no absolute path, left out",
                                                          statement.keyword, in_quotes(path)));
        return "";
    }

    Context& context_;
};

constexpr std::array<Keyword<TlsReader>, 4> tls_keywords{{
    {"certificate", &TlsReader::certificate},
    {"key", &TlsReader::key},
    {"ca", nullptr, "set verify_certificate and ca_file in [virtual_server.monitor]"},
    {"password", nullptr, "a key file has no passphrase"},
}};

void TlsReader::run(const Statement& statement) {
    read_block<TlsReader>(*this, statement.block, tls_keywords, "SSL", context_.remarks);
    if (context_.tls.certificate.empty() == context_.tls.key.empty()) return;
    context_.remarks.add(statement.place, "a certificate and its key go together, left out");
    context_.tls = {};
}

}  // namespace

void read_globals(const std::vector<Statement>& tree, Context& context) {
    for (const auto& statement : tree) {
        if (statement.keyword == "global_defs") GlobalReader(context).run(statement);
        if (statement.keyword == "SSL") TlsReader(context).run(statement);
    }
}

void add_mail_notifications(Context& context) {
    const auto& mails = context.mails;
    if (mails.to.empty()) return;
    if (mails.relay.empty()) {
        context.remarks.add(mails.place, "without smtp_server nobody takes the mails, left out",
                            "write a [[notification]] with mail_relay");
        return;
    }
    model::Notification mail;
    mail.mail_to = mails.to;
    mail.mail_relay = mails.relay;
    mail.mail_from = mails.from;
    if (mail.mail_from.empty()) {
        mail.mail_from = "keepalived@localhost";
        context.remarks.add(mails.place,
                            "without notification_email_from mails come from "
                            "keepalived@localhost",
                            "correct mail_from");
    }
    const auto add = [&](std::string name, std::vector<model::EventKind> events,
                         std::vector<std::string> services) {
        mail.name = std::move(name);
        mail.events = std::move(events);
        mail.virtual_servers = std::move(services);
        context.configuration.notifications.push_back(mail);
        context.notification_places.push_back(mails.place);
    };
    using enum model::EventKind;
    const bool of_checks =
        mails.of_checks.value_or(mails.all.value_or(true)) && !mails.none_of_checks;
    if (of_checks) add("mail", {real_server_up, real_server_down}, {});
    const bool of_quorums = mails.of_checks.value_or(mails.all.value_or(false));
    if (of_quorums) {
        add("mail-quorum", {quorum_lost, quorum_regained}, {});
    } else if (!context.told_by_mail.empty()) {
        add("mail-quorum", {quorum_lost, quorum_regained}, context.told_by_mail);
    }
}

}  // namespace shoal::config::keepalived
