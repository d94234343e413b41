#include "model/text.h"

#include <gtest/gtest.h>

#include <string>

namespace shoal::model {
namespace {

TEST(Duration, reads_every_unit) {
    EXPECT_EQ(parse_duration("6s").value(), milliseconds{6'000});
    EXPECT_EQ(parse_duration("200ms").value(), milliseconds{200});
    EXPECT_EQ(parse_duration("1.5s").value(), milliseconds{1'500});
    EXPECT_EQ(parse_duration("2m").value(), milliseconds{120'000});
    EXPECT_EQ(parse_duration("0.25h").value(), milliseconds{900'000});
    EXPECT_EQ(parse_duration("1d").value(), milliseconds{86'400'000});
    EXPECT_EQ(parse_duration("0s").value(), milliseconds{0});
    EXPECT_EQ(parse_duration("0.001000000s").value(), milliseconds{1});
}

TEST(Duration, refuses_everything_else) {
    for (const auto* wrong : {"", "s", "6", "6 s", "-6s", "+6s", "6sec", "1.s", ".5s", "1.5.5s",
                              "1,5s", "6S", "ms", "1e3s", "99999999999999d", "999999999999999s",
                              "99999999999999999999ms", "0.0000000001s"}) {
        EXPECT_FALSE(parse_duration(wrong)) << wrong;
    }
    EXPECT_EQ(parse_duration("1.05ms").error().message,
              "\"1.05ms\" is not a whole number of milliseconds");
    EXPECT_FALSE(parse_duration("0.0005s"));
}

TEST(Duration, is_written_in_the_largest_unit_that_fits) {
    for (const auto* text : {"0s", "6s", "200ms", "1500ms", "2m", "90s", "1h", "25h", "1d",
                             "12222555100ms", "999999999999998ms"}) {
        EXPECT_EQ(format_duration(parse_duration(text).value()), text);
    }
}

TEST(DeviceLabel, splits_at_the_alias) {
    EXPECT_EQ(parse_device_label("wan0:1").value(), (DeviceLabel{"wan0", "wan0:1"}));
    EXPECT_EQ(parse_device_label("wan0").value(), (DeviceLabel{"wan0", "wan0"}));
    EXPECT_EQ(parse_device_label("enp0s31f6.100").value().device, "enp0s31f6.100");
}

TEST(DeviceLabel, has_at_most_15_characters_and_one_colon) {
    EXPECT_TRUE(parse_device_label("wan0:1234567890"));
    for (const auto* wrong : {"", ":1", "wan0:", "wan0:1:2", "wan 0", "wan0/1", "wan0: 1", ".",
                              "..", "wan0:12345678901", "wan0\n"}) {
        EXPECT_FALSE(parse_device_label(wrong)) << wrong;
    }
    EXPECT_FALSE(parse_device_name("wan0:1"));
    EXPECT_EQ(parse_device_name("wan0").value(), "wan0");
}

TEST(Exchange, resolves_the_escapes_of_piranha) {
    EXPECT_EQ(parse_exchange(R"(GET / HTTP/1.0\r\n\r\n)").value(), "GET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(parse_exchange(R"(a\tb\\c\"d\'e)").value(), "a\tb\\c\"d'e");
    EXPECT_EQ(parse_exchange("already\r\n").value(), "already\r\n");
    EXPECT_EQ(parse_exchange("").value(), "");
}

TEST(Exchange, refuses_other_escapes_and_bytes) {
    EXPECT_EQ(parse_exchange(R"(a\q)").error().message, R"(unknown escape "\q")");
    EXPECT_EQ(parse_exchange("a\\").error().message, R"(unknown escape "\")");
    for (const std::string wrong : {"\x01", "\x7f", "h\xc3\xa9"}) {
        EXPECT_FALSE(parse_exchange(wrong)) << wrong;
    }
    EXPECT_FALSE(parse_exchange(std::string("a\0b", 3)));
}

TEST(Exchange, has_at_most_255_bytes_after_the_escapes) {
    std::string text;
    for (int i = 0; i < 255; ++i)
        text += R"(\n)";
    EXPECT_EQ(parse_exchange(text).value().size(), 255U);
    EXPECT_FALSE(parse_exchange(text + "x"));
}

TEST(Exchange, is_written_so_that_it_reads_the_same) {
    const std::string bytes = "a\r\n\t\\ \"b\" 'c' \\n";
    EXPECT_EQ(parse_exchange(format_exchange(bytes)).value(), bytes);
    EXPECT_EQ(format_exchange("\"\r\n"), R"("\r\n)");
}

TEST(Name, counts_characters_and_not_bytes) {
    std::string name;
    for (int i = 0; i < 64; ++i)
        name += "ü";
    EXPECT_EQ(parse_name(name).value(), name);
    EXPECT_FALSE(parse_name(name + "x"));
    for (const auto* wrong : {"", " web", "web ", "we\tb", "we\nb"}) {
        EXPECT_FALSE(parse_name(wrong)) << wrong;
    }
    EXPECT_TRUE(parse_name("web of the shop"));
}

TEST(Ports, are_one_several_or_all) {
    EXPECT_EQ(parse_port_range("80").value(), PortRange(80));
    EXPECT_EQ(parse_port_range("8000-8100").value(), PortRange(8000, 8100));
    EXPECT_EQ(parse_port_range("443-443").value(), PortRange(443));
    EXPECT_TRUE(parse_port_range("0").value().is_any());
    for (const auto* text : {"0", "80", "1-65535", "8000-8100"})
        EXPECT_EQ(format_port_range(parse_port_range(text).value()), text);
    for (const auto* wrong : {"", "-", "80-", "-80", "+80", "80 - 90", "90-80", "0-80", "65536",
                              "80-65536", "http", "80-90-100", "0x50"}) {
        EXPECT_FALSE(parse_port_range(wrong)) << wrong;
    }
}

TEST(NetworkMask, is_written_in_three_ways) {
    for (const auto* text : {"255.255.255.0", "24", "/24"})
        EXPECT_EQ(parse_network_mask(text).value(), NetworkMask{24}) << text;
    EXPECT_EQ(parse_network_mask("255.255.255.255").value(), NetworkMask{32});
    EXPECT_EQ(parse_network_mask("128.0.0.0").value(), NetworkMask{1});
    EXPECT_EQ(parse_network_mask("/128").value(), NetworkMask{128});
    for (const auto* wrong : {"", "/", "0", "129", "/033", "//24", "-1", "255.0.255.0", "0.0.0.0",
                              "0.0.0.255", "255.255.255", "255.255.255.0/24", "ffff::", "xyz"}) {
        EXPECT_FALSE(parse_network_mask(wrong)) << wrong;
    }
}

TEST(InQuotes, hides_control_characters_and_cuts_between_characters) {
    EXPECT_EQ(in_quotes("a\x1b[31mb"), "\"a?[31mb\"");
    std::string sixty;
    for (int i = 0; i < 60; ++i)
        sixty += "ü";
    EXPECT_EQ(in_quotes(sixty), '"' + sixty + '"');
    EXPECT_EQ(in_quotes(sixty + "x"), '"' + sixty + "...\"");
}

TEST(Text, a_mail_address_is_one_that_can_stand_in_an_envelope) {
    EXPECT_TRUE(is_mail_address("ops@example.com"));
    EXPECT_TRUE(is_mail_address("ops+shoal@example.com"));
    for (const char* wrong : {"", "ops", "@example.com", "ops@", "a b@c", "a@b>\r\nRCPT TO:<x@y",
                              "a@b\nX: y", "<a@b>", "a@b,c@d", "ü@b"})
        EXPECT_FALSE(is_mail_address(wrong)) << wrong;
    EXPECT_FALSE(is_mail_address(std::string(250, 'x') + "@b.example"));
}

}  // namespace
}  // namespace shoal::model
