#include "config/edit/edit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "config/toml_reader.h"

// Awkward files, and what becomes of them byte for byte.

namespace shoal::config {
namespace {

using model::Configuration;
using std::chrono::seconds;

struct Edit {
    const char* name;
    std::string before;
    std::function<void(Configuration&)> change;
    std::string after;
};

void PrintTo(const Edit& edit, std::ostream* stream) {
    *stream << edit.name;
}

model::VirtualServer& service(Configuration& configuration, std::size_t index = 0) {
    return configuration.virtual_servers.at(index);
}

model::RealServer real_server(const std::string& name, const std::string& address) {
    model::RealServer server;
    server.name = name;
    server.address = net::Address::parse(address).value();
    return server;
}

model::VirtualServer virtual_server(const std::string& name, const std::string& address) {
    model::VirtualServer server;
    server.name = name;
    server.address = net::Prefix::parse(address).value();
    server.device = {"wan0", "wan0:9"};
    server.monitor = model::default_monitor(server.protocol, 80);
    return server;
}

class AnEdit : public testing::TestWithParam<Edit> {};

TEST_P(AnEdit, changes_only_what_it_is_about) {
    const auto& edit = GetParam();
    auto intended = read_toml(edit.before, {});
    ASSERT_TRUE(intended) << render(intended.error(), "before", edit.before);
    edit.change(*intended);
    const auto after = edit_toml(edit.before, *intended);
    ASSERT_TRUE(after) << after.error();
    EXPECT_EQ(*after, edit.after);
}

std::string name_of(const testing::TestParamInfo<Edit>& info) {
    std::string name = info.param.name;
    std::ranges::replace(name, ' ', '_');
    return name;
}

/// Appended to most files: one virtual server with two real servers.
const std::string web = R"(
[[virtual_server]]
name = "web"
address = "192.0.2.80/24"
device = "wan0:1"

[[virtual_server.real_server]]
name = "web-1"
address = "10.0.0.1"

[[virtual_server.real_server]]
name = "web-2"
address = "10.0.0.2"
)";

// clang-format off
const std::vector<Edit> of_settings{
    {"value with a comment behind", "# top\n\n[global]\n  name\t= \"a\"   # the first ä\n  hook = 'tc'\n" + web,
     [](auto& c) { c.global.name = "b"; },
     "# top\n\n[global]\n  name\t= \"b\"   # the first ä\n  hook = 'tc'\n" + web},
    {"literal string", "[global]\nname = 'a'\nhook = 'tc'#x\n",
     [](auto& c) { c.global.hook = model::HookChoice::xdp; c.global.name = "it's"; },
     "[global]\nname = \"it's\"\nhook = 'xdp'#x\n"},
    {"multi line string", "[global]\nname = \"\"\"\nlong \\\n   name\"\"\" # x\nhook = '''tc'''\n",
     [](auto& c) { c.global.name = "short"; },
     "[global]\nname = \"short\" # x\nhook = '''tc'''\n"},
    {"windows line ends", "[global]\r\nname = \"a\" # x\r\n\r\n# end\r\n",
     [](auto& c) { c.global.name = "b"; c.global.secure_tcp = true; },
     "[global]\r\nname = \"b\" # x\r\nsecure_tcp = true\r\n\r\n# end\r\n"},
    {"byte order mark and no line end", "\xef\xbb\xbf[global]\nname = \"ä\"",
     [](auto& c) { c.global.name = "ö"; c.global.secure_tcp = true; },
     "\xef\xbb\xbf[global]\nname = \"ö\"\nsecure_tcp = true"},
    {"new setting behind the last one", "[global]\n\tname = \"a\"\n\n\t# hooks\n\thook = \"tc\" # x\n\t# or xdp\n\n# apart\n" + web,
     [](auto& c) { c.global.secure_tcp = true; },
     "[global]\n\tname = \"a\"\n\n\t# hooks\n\thook = \"tc\" # x\n\tsecure_tcp = true\n\t# or xdp\n\n# apart\n" + web},
    {"new setting in columns", "[global]\nname         = \"a\"\nhook         = \"tc\"\n",
     [](auto& c) { c.global.secure_tcp = true; },
     "[global]\nname         = \"a\"\nhook         = \"tc\"\nsecure_tcp   = true\n"},
    {"new setting without blanks", "[global]\nname=\"a\"\n",
     [](auto& c) { c.global.secure_tcp = true; },
     "[global]\nname=\"a\"\nsecure_tcp=true\n"},
    {"dotted keys", "global.name = \"a\"\nglobal . 'timeouts'.udp = \"5s\" # x\n" + web,
     [](auto& c) { c.global.secure_tcp = true; c.global.timeouts.udp = seconds(6); c.global.timeouts.close = seconds(7); },
     "global.name = \"a\"\nglobal . 'timeouts'.udp = \"6s\" # x\nglobal . 'timeouts'.close = \"7s\"\nglobal .secure_tcp = true\n" + web},
    {"setting in an inline table", "[global]\ntimeouts = { udp = \"5s\", close = 20 } # x\n",
     [](auto& c) { c.global.timeouts.udp = seconds(6); c.global.timeouts.none = seconds(7); },
     "[global]\ntimeouts = { udp = \"6s\", close = 20, none = \"7s\" } # x\n"},
    {"table of its own that was not there", "# file\n\n[global.timeouts]\nudp = \"5s\"\n",
     [](auto& c) { c.global.name = "b"; },
     "# file\n\n[global]\nname = \"b\"\n\n[global.timeouts]\nudp = \"5s\"\n"},
    {"first table of the file", web.substr(1),
     [](auto& c) { c.global.name = "b"; c.global.timeouts.udp = seconds(6); },
     "[global]\nname = \"b\"\n\n[global.timeouts]\nudp = \"6s\"\n" + web},
    {"removed setting", "[global]\nname = \"a\"\n# the router\nnat_router = { address = \"10.0.0.254/24\", device = \"lan0:1\" } # y\n# hooks\nhook = \"tc\"\n",
     [](auto& c) { c.global.nat_router.reset(); },
     "[global]\nname = \"a\"\n# the router\n# hooks\nhook = \"tc\"\n"},
    {"removed table", "[global]\nname = \"a\"\n\n# the router\n[global.nat_router]\naddress = \"10.0.0.254/24\"\n# label\ndevice = \"lan0:1\"\n# end\n\n# apart\n" + web,
     [](auto& c) { c.global.nat_router.reset(); },
     "[global]\nname = \"a\"\n\n# apart\n" + web},
    {"default that was written", "[global]\nname = \"b\" # x\nsecure_tcp = true # y\n",
     [](auto& c) { c.global = {}; },
     "[global]\nname = \"director\" # x\nsecure_tcp = false # y\n"},
    {"everything of a dotted table", "global.nat_router.address = \"10.0.0.254/24\"\n# x\nglobal.nat_router.device = \"lan0:1\"\nglobal.hook = \"tc\"\n",
     [](auto& c) { c.global.nat_router.reset(); },
     "# x\nglobal.hook = \"tc\"\n"},
};

const std::string listed = R"([[mark]]
value = 25
address = "192.0.2.25"
ports = [
	25,    # smtp
	# with TLS
	465,
	"587-588", # submission

	# the end
]
[[virtual_server]]
name = "mail" # läuft
address = "192.0.2.25/24"
device = "wan0:1"
firewall_mark = 25
)";

std::string replaced(std::string text, std::string_view old, std::string_view fresh) {
    return text.replace(text.find(old), old.size(), fresh);
}

const std::vector<Edit> of_lists{
    {"item at the end of many lines", listed,
     [](auto& c) { c.marks[0].ports.push_back(2525); },
     replaced(listed, " # submission\n", " # submission\n\t2525,\n")},
    {"item taken out of many lines", listed,
     [](auto& c) { c.marks[0].ports.erase(c.marks[0].ports.begin() + 1); },
     replaced(listed, "\t465,\n", "")},
    {"item replaced in many lines", listed,
     [](auto& c) { c.marks[0].ports[0] = 26; },
     replaced(listed, "\t25, ", "\t26, ")},
    {"items put in order", listed,
     [](auto& c) { std::swap(c.marks[0].ports[0], c.marks[0].ports[2]); },
     replaced(replaced(listed, "\t25,    # smtp\n", "\t\"587-588\", # submission\n"), "\t465,\n\t\"587-588\", # submission\n", "\t465,\n\t25,    # smtp\n")},
    {"items of one line", replaced(web, "device =", "allow = [ \"10.1.0.0/16\",\"10.2.0.0/16\" , \"10.3.0.0/16\" ] # x\ndevice ="),
     [](auto& c) { service(c).allow.erase(service(c).allow.begin()); service(c).allow.push_back(net::Prefix::parse("10.4.0.0/16").value()); },
     replaced(web, "device =", "allow = [ \"10.2.0.0/16\" , \"10.3.0.0/16\", \"10.4.0.0/16\" ] # x\ndevice =")},
    {"all items", replaced(web, "device =", "allow = [ \"10.1.0.0/16\" ] # x\ndevice ="),
     [](auto& c) { service(c).allow.clear(); },
     web},
    {"value without brackets", replaced(listed, listed.substr(listed.find("[\n"), listed.find("]\n[[") - listed.find("[\n") + 1), "25 # one"),
     [](auto& c) { c.marks[0].ports.push_back(26); },
     replaced(listed, listed.substr(listed.find("[\n"), listed.find("]\n[[") - listed.find("[\n") + 1), "[25, 26] # one")},
};

const std::string inline_web = R"(virtual_server = [ # all
  { name = "a", address = "192.0.2.1/24", device = "wan0:1", real_server = [{name="x", address="10.0.0.1"}, {name="y", address="10.0.0.2"}] }, # the first
  # the second
  { name = "b", address = "192.0.2.2/24", device = "wan0:2", monitor.type = "text" }
]
)";

const std::vector<Edit> of_tables{
    {"weight", web, [](auto& c) { service(c).real_servers[1].weight = 3; }, web + "weight = 3\n"},
    {"new real server", web,
     [](auto& c) { service(c).real_servers.push_back(real_server("web-3", "10.0.0.3")); },
     web + "\n[[virtual_server.real_server]]\nname = \"web-3\"\naddress = \"10.0.0.3\"\n"},
    {"new real server in the midst", web,
     [](auto& c) { auto& servers = service(c).real_servers; servers.insert(servers.begin() + 1, real_server("web-3", "10.0.0.3")); },
     replaced(web, "\"10.0.0.1\"\n", "\"10.0.0.1\"\n\n[[virtual_server.real_server]]\nname = \"web-3\"\naddress = \"10.0.0.3\"\n")},
    {"new first real server", replaced(web, "\n[[virtual_server.r", "\n# real ones\n\n  # one\n  [[virtual_server.r"),
     [](auto& c) { auto& servers = service(c).real_servers; servers.insert(servers.begin(), real_server("web-3", "10.0.0.3")); },
     replaced(web, "\n[[virtual_server.r", "\n# real ones\n\n[[virtual_server.real_server]]\nname = \"web-3\"\naddress = \"10.0.0.3\"\n\n  # one\n  [[virtual_server.r")},
    {"removed real server", replaced(web, "\n[[virtual_server.r", "\n# apart\n\n# its own\n[[virtual_server.r"),
     [](auto& c) { service(c).real_servers.erase(service(c).real_servers.begin()); },
     replaced(web.substr(0, web.find("\n[[virtual_server.r")) + web.substr(web.rfind("\n[[virtual_server.r")), "\n[[virtual_server.r", "\n# apart\n\n[[virtual_server.r")},
    {"last real server", web, [](auto& c) { service(c).real_servers.pop_back(); },
     web.substr(0, web.rfind("\n[[virtual_server.r"))},
    {"renamed real server", replaced(web, "\"web-2\"", "\"web-2\" # second"),
     [](auto& c) { service(c).real_servers[1].name = "zwei"; },
     replaced(web, "\"web-2\"", "\"zwei\" # second")},
    {"real servers in another order", web + "weight = 2 # x\n# end\n",
     [](auto& c) { std::ranges::reverse(service(c).real_servers); },
     replaced(web.substr(0, web.rfind("\n[[")), "\n[[virtual_server.r", web.substr(web.rfind("\n[[")) + "weight = 2 # x\n# end\n\n[[virtual_server.r")},
    {"new virtual server", "# top\n" + web + "# below\n\n# end\n",
     [](auto& c) { c.virtual_servers.push_back(virtual_server("two", "192.0.2.81/24")); service(c, 1).real_servers = {real_server("a", "10.0.1.1")}; },
     "# top\n" + web + "# below\n\n[[virtual_server]]\nname = \"two\"\naddress = \"192.0.2.81/24\"\ndevice = \"wan0:9\"\n\n[[virtual_server.real_server]]\nname = \"a\"\naddress = \"10.0.1.1\"\n\n# end\n"},
    {"first virtual server of a file", "[global]\nname = \"a\"\n",
     [](auto& c) { c.virtual_servers.push_back(virtual_server("two", "192.0.2.81/24")); },
     "[global]\nname = \"a\"\n\n[[virtual_server]]\nname = \"two\"\naddress = \"192.0.2.81/24\"\ndevice = \"wan0:9\"\n"},
    {"first virtual server of an empty file", "",
     [](auto& c) { c.virtual_servers.push_back(virtual_server("two", "192.0.2.81/24")); },
     "[[virtual_server]]\nname = \"two\"\naddress = \"192.0.2.81/24\"\ndevice = \"wan0:9\"\n"},
    {"removed virtual server", "[global]\nname = \"a\"\n" + web + "\n[[notification]]\nname = \"n\"\nwebhook = \"http://a/\"\n",
     [](auto& c) { c.virtual_servers.clear(); },
     "[global]\nname = \"a\"\n\n[[notification]]\nname = \"n\"\nwebhook = \"http://a/\"\n"},
    {"tables out of order", "[[virtual_server]]\nname = \"a\"\naddress = \"192.0.2.1/24\"\ndevice = \"wan0:1\"\n[[notification]]\nname = \"n\"\nwebhook = \"http://a/\"\n[virtual_server.monitor]\ntype = \"text\" # t\n[global]\nname = \"g\"\n[[virtual_server.real_server]]\nname = \"x\"\naddress = \"10.0.0.1\"\n",
     [](auto& c) { service(c).quorum = 2; service(c).monitor.port = 81; service(c).real_servers.push_back(real_server("y", "10.0.0.2")); c.virtual_servers.push_back(virtual_server("b", "192.0.2.2/24")); },
     "[[virtual_server]]\nname = \"a\"\naddress = \"192.0.2.1/24\"\ndevice = \"wan0:1\"\nquorum = 2\n[[notification]]\nname = \"n\"\nwebhook = \"http://a/\"\n[virtual_server.monitor]\ntype = \"text\" # t\nport = 81\n[global]\nname = \"g\"\n[[virtual_server.real_server]]\nname = \"x\"\naddress = \"10.0.0.1\"\n[[virtual_server.real_server]]\nname = \"y\"\naddress = \"10.0.0.2\"\n\n[[virtual_server]]\nname = \"b\"\naddress = \"192.0.2.2/24\"\ndevice = \"wan0:9\"\n"},
    {"tables in brackets", inline_web,
     [](auto& c) { service(c).real_servers[1].weight = 5; service(c).real_servers.push_back(real_server("z", "10.0.0.3")); service(c, 1).monitor.port = 81; },
     replaced(replaced(inline_web, "address=\"10.0.0.2\"}", "address=\"10.0.0.2\", weight=5}, { name = \"z\", address = \"10.0.0.3\" }"), "\"text\" }", "\"text\", monitor.port = 81 }")},
    {"removed table in brackets", inline_web,
     [](auto& c) { c.virtual_servers.pop_back(); },
     inline_web.substr(0, inline_web.find("}, # the first") + 1) + " # the first\n]\n"},
    {"new table in brackets", inline_web,
     [](auto& c) { c.virtual_servers.insert(c.virtual_servers.begin() + 1, virtual_server("c", "192.0.2.3/24")); },
     replaced(inline_web, "# the first\n", "# the first\n  { name = \"c\", address = \"192.0.2.3/24\", device = \"wan0:9\" },\n")},
    {"a short form that is not enough any more", replaced(web, "device =", "sorry_server = \"10.0.0.9\" # x\ndevice ="),
     [](auto& c) { service(c).sorry_server->network_type = model::ForwardingMethod::direct; },
     replaced(web, "device =", "sorry_server = { address = \"10.0.0.9\", network_type = \"direct\" } # x\ndevice =")},
    {"a short form that is", replaced(web, "device =", "sorry_server = '10.0.0.9' # x\ndevice ="),
     [](auto& c) { service(c).sorry_server->address = net::Address::parse("10.0.0.8").value(); },
     replaced(web, "device =", "sorry_server = '10.0.0.8' # x\ndevice =")},
    {"a default that depends on the port", web + "# the end",
     [](auto& c) { service(c).port = 8080; },
     replaced(web, "\n\n[[virtual_server.r", "\nport = 8080\n\n[virtual_server.monitor]\ntype = \"text\"\nsend = 'GET / HTTP/1.0\\r\\n\\r\\n'\nexpect = \"HTTP\"\n\n[[virtual_server.r") + "# the end"},
    {"marks of one value", "[[mark]]\nvalue = 1\naddress = \"192.0.2.80\"\nports = 80 # a\n[[mark]]\nvalue = 1\naddress = \"192.0.2.80\"\nports = 443 # b\n" + replaced(web, "device", "firewall_mark = 1\ndevice"),
     [](auto& c) { c.marks.erase(c.marks.begin()); c.marks[0].ports = {444}; service(c).monitor = model::default_monitor(model::Protocol::tcp, 444); },
     "[[mark]]\nvalue = 1\naddress = \"192.0.2.80\"\nports = 444 # a\n" + replaced(web, "device", "firewall_mark = 1\ndevice")},
};
// clang-format on

INSTANTIATE_TEST_SUITE_P(OfSettings, AnEdit, testing::ValuesIn(of_settings), name_of);
INSTANTIATE_TEST_SUITE_P(OfLists, AnEdit, testing::ValuesIn(of_lists), name_of);
INSTANTIATE_TEST_SUITE_P(OfTables, AnEdit, testing::ValuesIn(of_tables), name_of);

TEST(EditToml, refuses_a_file_with_a_problem) {
    EXPECT_EQ(edit_toml("[global]\nnam = \"a\"\n", {}).error(),
              "the present file has a problem: line 2: unknown setting \"nam\" in [global]");
}

TEST(EditToml, refuses_what_would_not_be_valid) {
    auto intended = read_toml(web, {}).value();
    service(intended).real_servers[1].address = service(intended).real_servers[0].address;
    const auto result = edit_toml(web, intended);
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().starts_with("it would not be valid: line 13: ")) << result.error();
}

}  // namespace
}  // namespace shoal::config
