#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/file.h"
#include "config/lvs_cf/file.h"

// Small files, each with what Piranha 0.8.6 made of it (vectors/VERDICTS.txt, made by running its
// parser). What it took must be read as the same values; what it refused must be refused in the
// same line, or understood with a remark there.

namespace shoal::config::lvs_cf {
namespace {

const std::filesystem::path directory = SHOAL_SOURCE_DIR "/src/config/lvs_cf/vectors";

struct Verdict {
    bool accepted = false;
    int line = 0;
};

/// By the name of the file, without ".cf".
std::map<std::string, Verdict> verdicts() {
    std::map<std::string, Verdict> verdicts;
    std::istringstream lines(shoal::read_file(directory / "VERDICTS.txt").value());
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('#')) continue;
        const auto after = [&](std::string_view label) {
            return std::stol(line.substr(line.find(label) + label.size()));
        };
        verdicts[line.substr(0, line.find(".cf:"))] = {after("rc=") == 0,
                                                       static_cast<int>(after("line="))};
    }
    return verdicts;
}

/// Every value that stands in a file: "keepalive=6 a{port=80 s{weight=2}}".
class Text {
  public:
    static std::string of(const File& file) {
        Text text;
        text.global(file.global);
        for (const auto& service : file.virtuals)
            text.virtual_server(service);
        return std::move(text.text_);
    }

  private:
    static std::string word(std::int64_t value) { return std::to_string(value); }
    static std::string word(bool value) { return value ? "1" : "0"; }
    static std::string word(const std::string& value) { return value; }
    static std::string word(const Host& host) {
        return host.address ? host.address->to_string() : "?" + host.name;
    }
    static std::string word(const Placed& placed) {
        return word(placed.host) + "@" + placed.device;
    }
    static std::string word(const Mask& mask) { return fmt::format("{:08x}", mask.bits); }
    static std::string word(const Port& port) { return std::to_string(port.number); }

    void separate() {
        if (!text_.empty() && !text_.ends_with('{')) text_ += ' ';
    }
    template <class Value>
    void add(std::string_view key, const Given<Value>& given) {
        if (!given.is_given()) return;
        separate();
        text_ += fmt::format("{}={}", key, word(given.value));
    }

    void global(const Global& global) {
        add("primary", global.primary);
        add("primary_private", global.primary_private);
        add("backup", global.backup);
        add("backup_private", global.backup_private);
        add("backup_active", global.backup_active);
        add("keepalive", global.keepalive);
        add("deadtime", global.deadtime);
        add("service", global.service);
        add("network", global.network);
        add("nat_router", global.nat_router);
        add("nat_nmask", global.nat_nmask);
        add("active_cmd", global.active_cmd);
        add("inactive_cmd", global.inactive_cmd);
        add("monitor_links", global.monitor_links);
        add("syncdaemon", global.syncdaemon);
        add("syncd_iface", global.syncd_iface);
        add("syncd_id", global.syncd_id);
        add("tcp_timeout", global.tcp_timeout);
        add("tcpfin_timeout", global.tcpfin_timeout);
        add("udp_timeout", global.udp_timeout);
    }

    void virtual_server(const Virtual& service) {
        separate();
        text_ += service.name.value + "{";
        add("active", service.active);
        add("address", service.address);
        add("vip_nmask", service.vip_nmask);
        add("sorry_server", service.sorry_server);
        add("fwmark", service.fwmark);
        add("protocol", service.protocol);
        add("port", service.port);
        add("scheduler", service.scheduler);
        add("persistent", service.persistent);
        add("pmask", service.pmask);
        add("send", service.send);
        add("expect", service.expect);
        add("send_program", service.send_program);
        add("use_regex", service.use_regex);
        add("timeout", service.timeout);
        add("reentry", service.reentry);
        add("load_monitor", service.load_monitor);
        add("quiesce_server", service.quiesce_server);
        for (const auto& server : service.servers)
            real_server(server);
        text_ += "}";
    }

    void real_server(const Server& server) {
        separate();
        text_ += server.name.value + "{";
        add("address", server.address);
        add("active", server.active);
        add("port", server.port);
        add("weight", server.weight);
        text_ += "}";
    }

    std::string text_;
};

enum class Reading {
    same,       /// as Piranha took it
    tolerated,  /// Piranha refused it
    refused,
};

struct Vector {
    std::string_view name;
    Reading reading;
    /// What it says; of a refused one, the beginning of the problem.
    std::string_view says;
    /// Where we see it in another line than Piranha.
    int line = 0;
};

constexpr auto same = Reading::same;
constexpr auto tolerated = Reading::tolerated;
constexpr auto refused = Reading::refused;

constexpr Vector vectors[] = {
    {"e_actcmdq", same, "active_cmd=/x a b"},
    {"e_actcmdu", tolerated, "active_cmd=/x a"},
    {"e_addr3", refused, "unexpected \"x\""},
    {"e_addrnodev", refused, "the device is missing"},
    {"e_backup0", same, "backup=?0.0.0.0"},
    {"e_badhost", refused, "\"999.1.1.1\" is not an address"},
    {"e_badnet", refused, "unknown value \"foo\""},
    {"e_badport", refused, "\"nosuchsvc\" is not a port or a TCP service"},
    {"e_badsched", tolerated, "a{scheduler=sed}"},
    {"e_bigserial", same, ""},
    {"e_blank", same, "keepalive=6"},
    {"e_blocknl", tolerated, "a{}"},
    {"e_blocknosp", tolerated, "a{}"},
    {"e_bool", refused, "\"2\" is not 0 or 1"},
    {"e_both", same, "a{}"},
    {"e_bp0", tolerated, "backup_private=?0.0.0.0"},
    {"e_caseu", tolerated, "keepalive=6"},
    {"e_closetrail", same, "keepalive=5 a{}"},
    {"e_cmon", same, "a{}"},
    {"e_comment", same, ""},
    {"e_crlf", same, "keepalive=6 deadtime=18"},
    {"e_crlfmix", tolerated, "keepalive=6 deadtime=18 network=nat", 2},
    {"e_dirs", same, "a{}"},
    {"e_dirsbad", tolerated, "a{}"},
    {"e_dupname", same, "a{} a{}"},
    {"e_embeddedq", same, ""},
    {"e_empty", refused, "the file is empty"},
    {"e_emptystr", same, "a{send=}"},
    {"e_eqmissing", refused, "equal (=) expected after \"keepalive\""},
    {"e_eqmissing2", refused, "equal (=) expected after \"keepalive\""},
    {"e_escq", same, "a{send=a\\\"b}"},
    {"e_expectprog", tolerated, "a{}"},
    {"e_extra", refused, "unexpected \"7\""},
    {"e_failstart", same, "service=fos"},
    {"e_fos", same, "service=fos"},
    {"e_fservers", same, ""},
    {"e_fwneg", same, "a{fwmark=-1}"},
    {"e_g_ipvsadm", same, ""},
    {"e_g_mode", refused, "unknown command \"mode\" in the file"},
    {"e_g_nothing", same, ""},
    {"e_g_sync", same, ""},
    {"e_global_in_virtual", refused, "unknown command \"keepalive\" in a virtual server"},
    {"e_hard", same, ""},
    {"e_hbdev", refused, "unknown command \"heartbeat_dev\" in the file"},
    {"e_hex", same, "keepalive=16"},
    {"e_hport", same, ""},
    {"e_hport2", same, ""},
    {"e_indentcomment", same, "keepalive=6"},
    {"e_int", refused, "\"abc\" is not a whole number"},
    {"e_lmon", same, "a{load_monitor=bogus}"},
    {"e_maskbad", refused, "\"abc\" is not a network mask"},
    {"e_masknoncont", same, "a{vip_nmask=ff00ff00}"},
    {"e_master", same, "a{}"},
    {"e_method", refused, "unknown command \"method\" in a virtual server"},
    {"e_natmaskbad", refused, "\"300.1.1.1\" is not a network mask"},
    {"e_natnodev", refused, "the device is missing"},
    {"e_neg", same, "keepalive=-3"},
    {"e_nested", refused, "virtual cannot stand here"},
    {"e_netnat", same, "network=nat nat_router=10.0.0.1@eth1:1 nat_nmask=ffffff00"},
    {"e_noeq", tolerated, "keepalive=6"},
    {"e_nonl", same, "keepalive=6"},
    {"e_noval", refused, "the value of \"keepalive\" is missing"},
    {"e_only", refused, "equal (=) expected after \"keepalive\""},
    {"e_opentrail", refused, "unexpected \"active = 1\" behind {"},
    {"e_pershex", same, "a{persistent=8}"},
    {"e_pmask", same, "a{pmask=00000018}"},
    {"e_pmaskbad", same, "a{pmask=00000000}"},
    {"e_port0", same, "a{port=0}"},
    {"e_port99999", same, "a{port=99999}"},
    {"e_portname", same, "a{port=80}"},
    {"e_pp0", tolerated, "primary_private=?0.0.0.0"},
    {"e_prim0", tolerated, "primary=?0.0.0.0"},
    {"e_primname", same, "primary=?localhost"},
    {"e_primquote", same, "primary=127.0.0.1"},
    {"e_protobad", refused, "unknown value \"sctp\""},
    {"e_prototcpU", tolerated, "a{protocol=tcp}"},
    {"e_pshared", same, ""},
    {"e_qconcat", same, ""},
    {"e_qesc2", refused, "the quotation marks do not match"},
    {"e_qgetok", same, "a{send=GET / HTTP/1.0\\r\\n\\r\\n}"},
    {"e_qhash", same, "a{send=a # b}"},
    {"e_qname", same, "my name{}"},
    {"e_qprog", same, "a{send_program=/bin/x %h %p}"},
    {"e_qserver", refused, "the quotation marks do not match"},
    {"e_qtrail", refused, "the quotation marks do not match"},
    {"e_quote", refused, "the quotation marks do not match"},
    {"e_quoteblockerr", refused, "the quotation marks do not match"},
    {"e_quotesched", same, "a{scheduler=rr}"},
    {"e_rescon", tolerated, ""},
    {"e_resconok", same, ""},
    {"e_s_logfile", refused, "unknown command \"log_file\" in a server"},
    {"e_s_nmask", tolerated, "a{s{}}"},
    {"e_saddrdev", refused, "unexpected \"eth0\""},
    {"e_serveratop", refused, "server cannot stand here"},
    {"e_shost", same, "a{s{address=?localhost}}"},
    {"e_sorryhost", refused, "\"nosuch.invalid\" is not an address"},
    {"e_sorryport", refused, "\"10.0.0.1:80\" is not an address"},
    {"e_squote", same, "a{send=GET}"},
    {"e_srvport", refused, "\"http\" is not a whole number"},
    {"e_strayclose", refused, "this } ends no block"},
    {"e_svcbad", refused, "unknown value \"ha\""},
    {"e_syncd", same, "syncdaemon=1 syncd_iface=eth1 syncd_id=300"},
    {"e_tab", same, "keepalive=6"},
    {"e_tcpto", same, "tcp_timeout=900 tcpfin_timeout=120 udp_timeout=300"},
    {"e_tok", refused, "equal (=) expected after \"dirs\""},
    {"e_tok2", refused, "unexpected \"a1\""},
    {"e_trailcomment", tolerated, "keepalive=6"},
    {"e_tun", same, "network=tunnel"},
    {"e_unk", refused, "unknown command \"debug\" in the file"},
    {"e_unkserver", refused, "unknown command \"foo\" in a server"},
    {"e_unqmulti", tolerated, "a{expect=HTTP OK}"},
    {"e_unqprog", tolerated, "a{send_program=/bin/x %h}"},
    {"e_unqsend", same, "a{expect=HTTP}"},
    {"e_unterminated", same, "a{active=1}"},
    {"e_v_crlf_one", refused, "equal (=) expected after \"bogus\"", 2},
    {"e_v_dead", tolerated, "a{}"},
    {"e_v_hb", tolerated, "a{}"},
    {"e_v_hyst", refused, "unknown command \"hysteresis\" in a virtual server"},
    {"e_vaddr0", same, "a{address=?0.0.0.0@eth0:1}"},
    {"e_weight0", same, "a{s{weight=0}}"},
    {"e_wneg", same, "a{s{weight=-5}}"},
    {"e_wsclose", same, "a{}"},
    {"e_yes", refused, "\"yes\" is not a whole number"},
};

struct Read {
    std::string says;
    std::vector<Problem> errors;
    std::vector<Problem> remarks;
};

Read read(std::string_view name) {
    const auto text = shoal::read_file(directory / fmt::format("{}.cf", name)).value();
    ProblemList errors;
    ProblemList remarks;
    const auto file = read_file(text, errors, remarks);
    return {Text::of(file), errors.take(), remarks.take()};
}

bool names_line(const std::vector<Problem>& problems, int line) {
    return std::ranges::any_of(problems, [&](const auto& problem) { return problem.line == line; });
}

TEST(LvsCfVectors, are_all_in_the_table) {
    std::set<std::string> known;
    for (const auto& vector : vectors)
        EXPECT_TRUE(known.insert(std::string(vector.name)).second) << vector.name;
    std::set<std::string> judged;
    for (const auto& [name, verdict] : verdicts())
        judged.insert(name);
    std::set<std::string> files;
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
        if (file.path().extension() == ".cf") files.insert(file.path().stem());
    }
    EXPECT_EQ(known, judged);
    EXPECT_EQ(files, judged);
}

TEST(LvsCfVectors, are_understood_as_piranha_did_or_better) {
    const auto judged = verdicts();
    for (const auto& vector : vectors) {
        SCOPED_TRACE(vector.name);
        const auto [says, errors, remarks] = read(vector.name);
        const auto& verdict = judged.at(std::string(vector.name));
        const int line = vector.line == 0 ? verdict.line : vector.line;
        EXPECT_EQ(errors.empty(), vector.reading != refused);
        // Of a file with CRLF, Piranha accepted the first line and never saw the others.
        if (vector.line == 0) EXPECT_EQ(verdict.accepted, vector.reading == same);
        if (vector.reading == refused) {
            EXPECT_TRUE(names_line(errors, line));
            EXPECT_TRUE(!errors.empty() && errors.front().message.starts_with(vector.says))
                << errors.front().message;
            continue;
        }
        EXPECT_EQ(says, vector.says);
        if (vector.reading == tolerated) EXPECT_TRUE(names_line(remarks, line));
    }
}

}  // namespace
}  // namespace shoal::config::lvs_cf
