#include "config/toml_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "config/toml_reader.h"

// That whatever is written reads as the same is shown by round_trip_test.cpp.

namespace shoal::config {
namespace {

std::string rewritten(std::string_view text) {
    const auto read = read_toml(text, {});
    if (read) return to_toml(*read);
    ADD_FAILURE() << render(read.error(), "file", text);
    return "";
}

TEST(TomlWriter, an_empty_configuration_is_an_empty_file) {
    EXPECT_EQ(to_toml({}), "");
}

TEST(TomlWriter, writes_as_the_examples_do) {
    const std::string text =
        R"([global]
name = "director-1"
nat_router = { address = "10.11.12.254/24", device = "lan0:1" }

[global.timeouts]
udp = "10s"

[[mark]]
value = 80
address = "192.0.2.80"
ports = [80, "8000-8100"]

[[virtual_server]]
name = "web"
address = "192.0.2.80/24"
device = "wan0:1"
firewall_mark = 80
persistence = "5m"
sorry_server = "10.11.12.9"
load_monitor = "rup"

[virtual_server.monitor]
type = "text"
send = 'GET / HTTP/1.0\r\n\r\n'
expect = "say \"HTTP\""

[[virtual_server.real_server]]
name = "web-1"
address = "10.11.12.1"
weight = 3

[virtual_server.real_server.monitor]
port = 8081

[[virtual_server.real_server]]
name = "web-2"
address = "10.11.12.2"
)";
    EXPECT_EQ(rewritten(text), text);
}

TEST(TomlWriter, leaves_out_what_is_the_default) {
    const std::string web =
        "[[virtual_server]]\nname = \"web\"\naddress = \"192.0.2.80/24\"\ndevice = \"wan0:1\"\n";
    EXPECT_EQ(rewritten("[global]\nname = \"director\"\n[redundancy]\n" + web +
                        "port = 80\nactive = true\n[virtual_server.monitor]\n"
                        "send = 'GET / HTTP/1.0\\r\\n\\r\\n'\nexpect = \"HTTP\"\n"),
              web);
}

TEST(TomlWriter, says_that_a_check_is_not_the_one_of_the_port) {
    const std::string web =
        "[[virtual_server]]\nname = \"web\"\naddress = \"192.0.2.80/24\"\ndevice = \"wan0:1\"\n";
    EXPECT_EQ(rewritten(web + "[virtual_server.monitor]\n"),
              web + "\n[virtual_server.monitor]\ntype = \"text\"\n");
}

TEST(TomlWriter, writes_every_example) {
    for (const auto* file : {"nat", "direct-routing", "web-marks", "ftp", "full"}) {
        const auto path = std::string(SHOAL_SOURCE_DIR "/examples/") + file + ".toml";
        const auto text = read_file(path).value();
        EXPECT_EQ(read_toml(rewritten(text), {}), read_toml(text, {})) << file;
    }
}

}  // namespace
}  // namespace shoal::config
