#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <streambuf>

#include "api/api.h"
#include "api/fake_control.h"
#include "http/test_server.h"

// The command as a person uses it, against a server in a thread.

namespace shoal::cli {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

constexpr auto good_file = "[global]\nname = \"director-1\"\n";
constexpr auto bad_file = "[global]\nnam = \"director-1\"\n";

class CommandTest : public ::testing::Test {
  protected:
    /// Runs `shoal` and returns its exit status.
    int shoal(std::vector<std::string> arguments) {
        out.str("");
        error.str("");
        return run(std::move(arguments), {.out = out, .error = error, .terminal = {}});
    }
    int shoal_at_server(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"--socket", server.path()});
        return shoal(std::move(arguments));
    }
    std::string file(const std::string& name, const std::string& text) {
        std::ofstream(server.folder().file(name)) << text;
        return server.folder().file(name);
    }
    json printed() { return json::parse(out.str()); }

    std::ostringstream out;
    std::ostringstream error;
    api::test::FakeControl control;
    api::Api api{control, {}};
    http::test::RunningServer server{api};
};

TEST_F(CommandTest, help_teaches) {
    EXPECT_EQ(shoal({"--help"}), 0);
    EXPECT_THAT(out.str(), AllOf(HasSubstr("shoal check shoal.toml"), HasSubstr("Exit status")));
    for (const auto* command :
         {"check", "plan", "apply", "status", "connections", "health", "stats", "drain", "maintain",
          "enable", "disable", "stop", "version", "import", "export"}) {
        EXPECT_EQ(shoal({command, "--help"}), 0);
        EXPECT_THAT(out.str(), HasSubstr(std::string("\n  shoal ") + command)) << command;
    }
}

TEST_F(CommandTest, wrong_usage_ends_with_2) {
    EXPECT_EQ(shoal({}), 2);
    EXPECT_THAT(error.str(), HasSubstr("A first session"));
    EXPECT_EQ(shoal({"chek"}), 2);
    EXPECT_EQ(shoal({"check"}), 2);
    EXPECT_EQ(shoal({"status", "--colour"}), 2);
    EXPECT_EQ(shoal({"connections", "--limit", "many"}), 2);
    EXPECT_EQ(out.str(), "");
}

TEST_F(CommandTest, a_plan_is_shown_table_by_table) {
    const auto path = file("shoal.toml", good_file);
    EXPECT_EQ(shoal_at_server({"plan", path}), 0);
    EXPECT_EQ(out.str(), "no change\n");
    EXPECT_THAT(control.planned, ElementsAre(good_file));
    config::Change weight{.path = {{"virtual_server", "web"}, {"real_server", "web-2"}, {"weight"}},
                          .before = "1",
                          .after = "3",
                          .what = "weight of web-2: 1 -> 3",
                          .effect = "about 25 % of new connections move"};
    auto removal = weight;
    removal.path.pop_back();
    removal.what = "removes real server web-3 (10.11.12.3) from web";
    removal.effect = "its 12 connections end";
    control.next_plan.changes = {weight, removal};
    control.next_plan.ended_connections = 12;
    EXPECT_EQ(shoal_at_server({"plan", path}), 0);
    EXPECT_EQ(out.str(),
              "virtual_server \"web\"\n"
              "  weight of web-2: 1 -> 3\n"
              "      about 25 % of new connections move\n"
              "  removes real server web-3 (10.11.12.3) from web\n"
              "      its 12 connections end\n"
              "2 changes: 12 connections end\n");
    EXPECT_EQ(shoal_at_server({"plan", "--json", path}), 0);
    EXPECT_EQ(printed()["changes"].size(), 2U);
}

TEST_F(CommandTest, a_plan_shows_the_problems_of_the_file) {
    const auto path = file("shoal.toml", bad_file);
    control.problems = {{2, 1, "unknown setting \"nam\"", "did you mean \"name\"?"}};
    EXPECT_EQ(shoal_at_server({"plan", path}), 1);
    EXPECT_THAT(error.str(), StartsWith(path + ":2:1: unknown setting \"nam\""));
    EXPECT_EQ(shoal_at_server({"plan", path + ".not"}), 2);
}

TEST_F(CommandTest, a_good_file_is_counted) {
    const auto path = file("shoal.toml", good_file);
    EXPECT_EQ(shoal({"check", path}), 0);
    EXPECT_EQ(out.str(), path + ": 0 virtual servers, 0 real servers, a table of 95 MB: good\n");
    EXPECT_EQ(shoal({"check", path, "--json"}), 0);
    EXPECT_EQ(printed()["good"], true);
    EXPECT_EQ(printed()["virtual_servers"], 0);
}

TEST_F(CommandTest, problems_of_a_file_are_shown_with_their_places) {
    const auto path = file("shoal.toml", bad_file);
    EXPECT_EQ(shoal({"check", path}), 1);
    EXPECT_THAT(out.str(), StartsWith(path + ":2:1: unknown setting \"nam\""));
    EXPECT_THAT(out.str(), ::testing::EndsWith(path + ": 1 problem\n"));
    EXPECT_EQ(shoal({"--json", "check", path}), 1);
    EXPECT_EQ(printed()["good"], false);
    EXPECT_EQ(printed()["problems"][0]["line"], 2);
}

TEST_F(CommandTest, notes_are_shown_and_the_file_is_good) {
    const auto path = file("shoal.toml", R"([[virtual_server]]
name = "ftp"
address = "192.0.2.21"
device = "lo"
port = 21
)");
    EXPECT_EQ(shoal({"check", path}), 0);
    EXPECT_THAT(out.str(), StartsWith(path + ":5:8: note: virtual server \"ftp\": passive data"));
    EXPECT_THAT(out.str(),
                ::testing::EndsWith(
                    path + ": 1 virtual server, 0 real servers, a table of 95 MB: good, 1 note\n"));
    EXPECT_EQ(shoal({"check", path, "--json"}), 0);
    EXPECT_EQ(printed()["good"], true);
    EXPECT_EQ(printed()["problems"], json::array());
    EXPECT_EQ(printed()["notes"][0]["line"], 5);
}

TEST_F(CommandTest, devices_are_looked_for_unless_told_otherwise) {
    const auto path = file("shoal.toml", R"([global]
nat_router = { address = "10.11.12.254/24", device = "shoalnosuch0" }
)");
    EXPECT_EQ(shoal({"check", path}), 1);
    EXPECT_THAT(out.str(), HasSubstr("shoalnosuch0"));
    EXPECT_EQ(shoal({"check", "--no-system", path}), 0);
}

TEST_F(CommandTest, files_of_other_programs_are_converted) {
    const auto path = file("lvs.cf",
                           "virtual web {\n active = 1 # yes\n address = 192.0.2.80 eth0:1\n"
                           " vip_nmask = 255.255.255.0\n}\n");
    EXPECT_EQ(shoal({"import", "lvs.cf", path}), 0);
    EXPECT_THAT(out.str(), StartsWith("[[virtual_server]]\nname = \"web\"\n"));
    EXPECT_THAT(error.str(), StartsWith(path + ":2:13: note: Piranha took comments"));
    const auto toml = file("shoal.toml", out.str());
    EXPECT_EQ(shoal({"export", "lvs.cf", toml}), 0);
    EXPECT_THAT(out.str(), HasSubstr("virtual \"web\" {\n     active = 1\n"));
    EXPECT_EQ(error.str(), "");
    EXPECT_EQ(shoal({"import", "lvs.cf", path, "--json"}), 0);
    EXPECT_EQ(printed()["remarks"][0]["line"], 2);
    EXPECT_EQ(printed()["configuration"]["virtual_server"][0]["name"], "web");
    EXPECT_EQ(shoal({"import", "lvs.cf", file("bad.cf", "keepalive 6\n")}), 1);
    EXPECT_THAT(error.str(), HasSubstr("bad.cf:1:1: equal (=) expected"));
    EXPECT_EQ(shoal({"import", "lvs.toml", path}), 2);
    EXPECT_THAT(error.str(), HasSubstr("unknown format \"lvs.toml\"; known: lvs.cf"));
}

TEST_F(CommandTest, a_file_that_cannot_be_read_ends_with_2) {
    const auto missing = server.folder().file("missing.toml");
    EXPECT_EQ(shoal({"check", missing}), 2);
    EXPECT_EQ(error.str(), "shoal: cannot read " + missing + ": No such file or directory\n");
    EXPECT_EQ(shoal({"check", server.folder().path()}), 2);
    EXPECT_THAT(error.str(), HasSubstr("Is a directory"));
    EXPECT_EQ(shoal({"check", "--json", missing}), 2);
    EXPECT_THAT(printed()["detail"], HasSubstr("No such file"));
    EXPECT_EQ(shoal({"check", "/dev/zero"}), 2);
    EXPECT_THAT(error.str(), HasSubstr("longer than 16777216 bytes"));
}

TEST_F(CommandTest, apply_sends_the_file_as_it_is) {
    const auto path = file("shoal.toml", good_file);
    EXPECT_EQ(shoal_at_server({"apply", path}), 0);
    EXPECT_EQ(out.str(), path + " is in force: revision 1\n");
    EXPECT_THAT(control.applied, ElementsAre(good_file));
    EXPECT_EQ(shoal_at_server({"apply", path, "--json"}), 0);
    EXPECT_EQ(printed()["revision"]["number"], 1);
}

TEST_F(CommandTest, apply_shows_the_memory_of_another_table_before_it_is_taken) {
    control.current = api::test::example_status();
    const auto path = file("shoal.toml", "[global]\ntable_size = 65536\n");
    EXPECT_EQ(shoal_at_server({"apply", path}), 0);
    EXPECT_THAT(out.str(),
                StartsWith("the connections move from a table of 1048576 cells to one of 65536, "
                           "which takes 6 MB beside the 95 MB of the former until they have\n"));
    control.current.table.size = 65536;
    EXPECT_EQ(shoal_at_server({"apply", path}), 0);
    EXPECT_THAT(out.str(), StartsWith(path + " is in force"));
}

TEST_F(CommandTest, apply_says_what_is_wrong_nevertheless) {
    control.change = director::Changed{
        .revision = {.number = 7},
        .replaced = 6,
        .warnings = {"cannot add address 192.0.2.80/24 on wan0:1: no such device"}};
    const auto path = file("shoal.toml", good_file);
    EXPECT_EQ(shoal_at_server({"apply", path}), 0);
    EXPECT_EQ(out.str(), path +
                             " is in force: revision 7, instead of revision 6\n  but cannot add "
                             "address 192.0.2.80/24 on wan0:1: no such "
                             "device\n");
    EXPECT_EQ(shoal_at_server({"apply", path, "--json"}), 0);
    EXPECT_EQ(printed()["warnings"].size(), 1U);
}

TEST_F(CommandTest, apply_says_what_the_kernel_refused) {
    control.change = std::unexpected(
        director::ChangeRefused{.message = "revision 7 could not be put in force",
                                .failures = {"cannot add virtual server: no memory"}});
    EXPECT_EQ(shoal_at_server({"apply", file("shoal.toml", good_file)}), 1);
    EXPECT_EQ(error.str(),
              "  cannot add virtual server: no memory\nshoal: revision 7 could not be put in "
              "force\n");
}

TEST_F(CommandTest, apply_and_restore_hand_their_options_on) {
    control.known_revisions = {.heads = {{.number = 6, .comment = "six"}}};
    EXPECT_EQ(shoal_at_server({"apply", file("shoal.toml", good_file), "--comment", "a & b",
                               "--confirm", "60s", "--expect", "6"}),
              0);
    EXPECT_EQ(shoal_at_server({"restore", "6", "--confirm", "1m"}), 0);
    ASSERT_EQ(control.requests.size(), 2U);
    EXPECT_EQ(control.requests[0].comment, "a & b");
    EXPECT_EQ(control.requests[0].confirm, std::chrono::seconds(60));
    EXPECT_EQ(control.requests[0].expected, 6U);
    EXPECT_EQ(control.requests[1].text, "text six");
    EXPECT_EQ(control.requests[1].comment, "revision 6 again");
    EXPECT_EQ(shoal_at_server({"restore", "9"}), 1);
    EXPECT_EQ(shoal_at_server({"apply", file("shoal.toml", good_file), "--confirm", "soon"}), 1);
}

TEST_F(CommandTest, a_trial_says_when_it_ends) {
    control.change =
        director::Changed{.revision = {.number = 7}, .confirm_until_ms = 1'800'000'000'000};
    EXPECT_EQ(shoal_at_server({"apply", file("shoal.toml", good_file), "--confirm", "60s"}), 0);
    EXPECT_THAT(out.str(), HasSubstr("unless `shoal confirm` comes"));
    control.change = director::Changed{.revision = {.number = 7}, .replaced = 6};
    for (const auto* command : {"confirm", "revert", "reload"})
        EXPECT_EQ(shoal_at_server({command}), 0) << command;
}

TEST_F(CommandTest, revisions_are_listed_newest_first_and_compared) {
    control.known_revisions = {
        .heads = {{.number = 6, .author = {"alice"}, .comment = "six", .time_ms = 1},
                  {.number = 7, .author = {"bob"}, .comment = "\x1b[31mseven", .time_ms = 2}},
        .standing = {.in_force = 7}};
    EXPECT_EQ(shoal_at_server({"revisions"}), 0);
    EXPECT_LT(out.str().find("in force"), out.str().find("alice"));
    EXPECT_THAT(out.str(), Not(HasSubstr("\x1b")));
    EXPECT_EQ(shoal_at_server({"revisions", "--json"}), 0);
    EXPECT_EQ(printed()["revisions"][1]["state"], "earlier");
    EXPECT_EQ(shoal_at_server({"diff", "6"}), 0);
    EXPECT_THAT(out.str(), AllOf(StartsWith("--- revision 6\n+++ in force\n"),
                                 HasSubstr("-text six"), HasSubstr("+text ?[31mseven")));
    EXPECT_EQ(shoal_at_server({"diff", "file"}), 0);
    EXPECT_THAT(out.str(),
                AllOf(StartsWith("--- in force\n+++ the file\n"), HasSubstr("+the file")));
    EXPECT_EQ(shoal_at_server({"diff", "6", "7", "--json"}), 0);
    EXPECT_EQ(printed()["from"], "revision 6");
    EXPECT_EQ(shoal_at_server({"diff", "8"}), 1);
}

TEST_F(CommandTest, the_audit_log_is_listed_and_verified) {
    control.reading.records = {
        {.number = 3, .user = "alice", .what = "POST /api/v1/drain", .result = "done"}};
    EXPECT_EQ(shoal_at_server({"audit"}), 0);
    EXPECT_THAT(out.str(), AllOf(HasSubstr("alice"), HasSubstr("/api/v1/drain")));
    EXPECT_EQ(shoal_at_server({"audit", "--verify"}), 0);
    EXPECT_THAT(out.str(), StartsWith("1 record: nothing was changed"));
    control.reading.damages = {"audit.log, line 2: its checksum is wrong"};
    EXPECT_EQ(shoal_at_server({"audit", "--verify"}), 1);
    EXPECT_THAT(out.str(), StartsWith("audit.log, line 2"));
}

TEST_F(CommandTest, apply_shows_problems_as_check_does) {
    control.change = std::unexpected(director::ChangeRefused{
        .why = director::ChangeRefused::Why::problems,
        .message = "the configuration has 1 problem and changed nothing",
        .problems = {{2, 1, "unknown setting \"nam\"", "did you mean \"name\"?"}}});
    const auto path = file("shoal.toml", bad_file);
    EXPECT_EQ(shoal_at_server({"apply", path}), 1);
    EXPECT_THAT(error.str(),
                AllOf(StartsWith(path + ":2:1: unknown setting \"nam\""),
                      HasSubstr("shoal: the configuration has 1 problem and changed nothing\n")));
    EXPECT_EQ(shoal_at_server({"apply", path, "--json"}), 1);
    EXPECT_EQ(printed()["problems"][0]["column"], 1);
}

TEST_F(CommandTest, status_and_stats_are_tables_or_json) {
    control.current = api::test::example_status();
    EXPECT_EQ(shoal_at_server({"status"}), 0);
    EXPECT_THAT(out.str(), HasSubstr("TCP  192.0.2.80:80 wlc"));
    EXPECT_EQ(shoal_at_server({"status", "--json"}), 0);
    EXPECT_EQ(printed()["virtual_servers"][0]["name"], "web");
    EXPECT_EQ(shoal_at_server({"stats"}), 0);
    EXPECT_THAT(out.str(), HasSubstr("Total"));
    EXPECT_EQ(shoal_at_server({"stats", "--drops"}), 0);
    EXPECT_THAT(out.str(), AllOf(StartsWith("Packets"), HasSubstr("table_full")));
    EXPECT_EQ(shoal_at_server({"stats", "--json"}), 0);
    EXPECT_EQ(printed()["total"]["connections"], 1'234'567);
}

class ConnectionsCommandTest : public CommandTest {
  protected:
    ConnectionsCommandTest() {
        for (std::uint32_t i = 0; i < 20'000; ++i)
            control.cells[i * 50] =
                api::test::connection_from("192.0.2.7", static_cast<std::uint16_t>(i));
    }
    std::size_t lines() const {
        const auto text = out.str();
        return static_cast<std::size_t>(std::ranges::count(text, '\n'));
    }
};

TEST_F(ConnectionsCommandTest, all_pages_are_printed_as_one_table) {
    EXPECT_EQ(shoal_at_server({"connections"}), 0);
    EXPECT_EQ(lines(), 20'001U);
    EXPECT_THAT(out.str(), StartsWith("Prot  Client"));
}

TEST_F(ConnectionsCommandTest, all_pages_are_printed_as_one_object) {
    EXPECT_EQ(shoal_at_server({"connections", "--json"}), 0);
    ASSERT_EQ(printed()["connections"].size(), 20'000U);
    EXPECT_EQ(printed()["connections"][19'999]["client_port"], 19'999);
}

TEST_F(ConnectionsCommandTest, the_limit_is_exact) {
    for (const std::uint64_t limit : {1U, 10U, 9000U}) {
        EXPECT_EQ(shoal_at_server({"connections", "--limit", std::to_string(limit)}), 0);
        EXPECT_EQ(lines(), limit + 1);
    }
    EXPECT_EQ(shoal_at_server({"connections", "--limit", "0", "--json"}), 0);
    EXPECT_EQ(printed()["connections"].size(), 0U);
}

TEST_F(ConnectionsCommandTest, filters_reach_the_director) {
    control.cells[3] = api::test::connection_from("2001:db8::7", 4711);
    EXPECT_EQ(shoal_at_server({"connections", "--client", "[2001:db8::7]:4711", "--state",
                               "established", "--real", "10.11.12.1", "--virtual", "192.0.2.80:80",
                               "--protocol", "tcp", "--json"}),
              0);
    EXPECT_EQ(printed()["connections"].size(), 1U);
    control.cells[4] = api::test::connection_from("192.0.2.8", 1);
    control.cells[4].mark = 80;
    EXPECT_EQ(shoal_at_server({"connections", "--mark", "80", "--json"}), 0);
    EXPECT_EQ(printed()["connections"].size(), 1U);
    EXPECT_EQ(shoal_at_server({"connections", "--client", "192.0.2.99"}), 0);
    EXPECT_EQ(out.str(), "no connections\n");
    EXPECT_EQ(shoal_at_server({"connections", "--client", ""}), 1);
    EXPECT_EQ(shoal_at_server({"connections", "--state", "OPEN"}), 1);
    EXPECT_THAT(error.str(), HasSubstr("there is no state \"OPEN\""));
}

/// An output that keeps nothing but the number of its lines, and breaks after `most` bytes, as a
/// pipe does when its reader has gone.
class CountingOutput : public std::streambuf {
  public:
    explicit CountingOutput(std::size_t most = std::numeric_limits<std::size_t>::max())
        : left_(most) {}
    std::size_t lines() const { return lines_; }

  protected:
    std::streamsize xsputn(const char* text, std::streamsize size) override {
        const std::string_view piece(text, static_cast<std::size_t>(size));
        if (piece.size() > left_) return 0;
        left_ -= piece.size();
        lines_ += static_cast<std::size_t>(std::ranges::count(piece, '\n'));
        return size;
    }
    int overflow(int letter) override {
        const char one = static_cast<char>(letter);
        return xsputn(&one, 1) == 1 ? letter : traits_type::eof();
    }

  private:
    std::size_t left_;
    std::size_t lines_ = 0;
};

class FullTableTest : public ::testing::Test {
  protected:
    static constexpr std::uint32_t many = 100'000;

    /// Runs `shoal connections` and returns its exit status.
    int list(CountingOutput& output, std::vector<std::string> more = {}) {
        std::vector<std::string> arguments{"--socket", server.path(), "connections"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        std::ostream out(&output);
        std::ostringstream error;
        return run(arguments, {.out = out, .error = error, .terminal = {}});
    }

    api::test::FullTable control{many};
    api::Api api{control, {}};
    http::test::RunningServer server{api};
};

TEST_F(FullTableTest, connections_are_listed_page_by_page) {
    CountingOutput output;
    EXPECT_EQ(list(output), 0);
    EXPECT_EQ(output.lines(), many + 1);
    EXPECT_EQ(control.given, many);
    EXPECT_LE(control.most_at_once, 2048U) << "at no time is more than a page held";
}

TEST_F(FullTableTest, nobody_makes_pages_for_a_reader_that_has_gone) {
    for (const bool json : {false, true}) {
        control.given = 0;
        CountingOutput output(300'000);
        list(output, json ? std::vector<std::string>{"--json"} : std::vector<std::string>{});
        EXPECT_GT(output.lines(), 0U);
        EXPECT_LE(control.given, 5U * 2048);
    }
}

TEST_F(CommandTest, health_is_of_all_or_of_one_virtual_server) {
    control.report = api::test::example_health();
    EXPECT_EQ(shoal_at_server({"health"}), 0);
    EXPECT_THAT(out.str(), AllOf(HasSubstr("web-1"), HasSubstr("mail-1")));
    EXPECT_EQ(shoal_at_server({"health", "mail"}), 0);
    EXPECT_THAT(out.str(), AllOf(Not(HasSubstr("web-1")), HasSubstr("mail-1")));
    EXPECT_EQ(shoal_at_server({"health", "--json"}), 0);
    EXPECT_EQ(printed()["targets"].size(), 3U);
    EXPECT_EQ(shoal_at_server({"health", "ftp & co"}), 1);
}

TEST_F(CommandTest, orders_reach_the_director) {
    using director::StateOrder;
    using director::TargetName;
    using enum model::AdministrativeState;
    EXPECT_EQ(shoal_at_server({"drain", "web/web-1"}), 0);
    EXPECT_EQ(out.str(), "web-1 of web is draining\n");
    EXPECT_EQ(shoal_at_server({"drain", "a/b & c", "--deadline", "10m", "--for", "2h"}), 0);
    EXPECT_EQ(shoal_at_server({"maintain", "a/b", "c", "--json"}), 0);
    EXPECT_EQ(printed()["state"], "maintenance");
    EXPECT_EQ(shoal_at_server({"enable", "web/web-1"}), 0);
    EXPECT_EQ(shoal_at_server({"disable", "web/web-1", "--for", "1s"}), 0);
    const TargetName web_1{.real_server = "web/web-1"};
    using std::chrono::minutes;
    EXPECT_THAT(
        control.orders,
        ElementsAre(
            Pair(web_1, StateOrder{.state = draining}),
            Pair(TargetName{.real_server = "a/b & c"},
                 StateOrder{.state = draining, .lasting = minutes(120), .deadline = minutes(10)}),
            Pair(TargetName{.virtual_server = "a/b", .real_server = "c"},
                 StateOrder{.state = maintenance}),
            Pair(web_1, StateOrder{.state = enabled}),
            Pair(web_1, StateOrder{.state = disabled, .lasting = std::chrono::seconds(1)})));
    EXPECT_EQ(shoal_at_server({"drain"}), 2);
    EXPECT_EQ(shoal_at_server({"enable", "web/web-1", "--deadline", "1m"}), 2);
    EXPECT_EQ(shoal_at_server({"drain", "web/web-1", "--for", "soon"}), 1);
    EXPECT_THAT(error.str(), HasSubstr("parameter \"for\""));
}

TEST_F(CommandTest, stop_reaches_the_director) {
    EXPECT_EQ(shoal_at_server({"stop"}), 0);
    EXPECT_EQ(control.stops, 1);
    control.failure = "removing 192.0.2.80: Operation not permitted";
    EXPECT_EQ(shoal_at_server({"stop"}), 1);
    EXPECT_EQ(error.str(), "shoal: " + control.failure + "\n");
}

TEST_F(CommandTest, version_is_said_with_and_without_shoald) {
    EXPECT_EQ(shoal_at_server({"version", "--json"}), 0);
    EXPECT_EQ(printed()["shoal"], printed()["shoald"]);
    EXPECT_EQ(shoal({"version", "--json", "--socket", "/nonexistent"}), 0);
    EXPECT_EQ(printed()["shoald"], nullptr);
    EXPECT_EQ(shoal({"version", "--socket", "/nonexistent"}), 0);
    EXPECT_THAT(out.str(), HasSubstr("shoald is not running (no socket at /nonexistent)"));
}

TEST_F(CommandTest, a_shoald_that_does_not_run_is_named) {
    for (const auto* command : {"status", "stats", "connections"}) {
        EXPECT_EQ(shoal({command, "--socket", "/nonexistent"}), 2);
        EXPECT_EQ(error.str(), "shoal: shoald is not running (no socket at /nonexistent)\n");
    }
}

TEST_F(CommandTest, stop_says_how_to_take_down_what_a_dead_shoald_left) {
    EXPECT_EQ(shoal({"stop", "--socket", "/nonexistent"}), 2);
    EXPECT_THAT(error.str(), HasSubstr("not running"));
    EXPECT_THAT(error.str(), HasSubstr("`shoald --withdraw`"));
}

TEST_F(CommandTest, the_socket_comes_from_the_environment_too) {
    ::setenv("SHOAL_SOCKET", server.path().c_str(), 1);
    EXPECT_EQ(shoal({"stop"}), 0);
    ::unsetenv("SHOAL_SOCKET");
    EXPECT_EQ(control.stops, 1);
}

}  // namespace
}  // namespace shoal::cli
