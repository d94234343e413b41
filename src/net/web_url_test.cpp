#include "net/web_url.h"

#include <gtest/gtest.h>

namespace shoal::net {
namespace {

TEST(web_url, its_parts_are_found) {
    const auto url = parse_web_url("https://pager.example.com:8443/shoal?team=web");
    ASSERT_TRUE(url);
    EXPECT_TRUE(url->tls);
    EXPECT_EQ(url->host, "pager.example.com");
    EXPECT_EQ(url->port, "8443");
    EXPECT_EQ(url->target, "/shoal?team=web");
    EXPECT_EQ(url->host_field(), "pager.example.com:8443");
}

TEST(web_url, what_is_left_out_is_the_usual) {
    const auto url = parse_web_url("http://10.11.12.1?x");
    ASSERT_TRUE(url);
    EXPECT_FALSE(url->tls);
    EXPECT_EQ(url->port, "80");
    EXPECT_EQ(url->target, "/?x");
    EXPECT_EQ(url->host_field(), "10.11.12.1");
    EXPECT_EQ(parse_web_url("https://a")->port, "443");
}

TEST(web_url, an_ipv6_address_stands_in_brackets) {
    const auto url = parse_web_url("http://[2001:db8::1]:81/");
    ASSERT_TRUE(url);
    EXPECT_EQ(url->host, "2001:db8::1");
    EXPECT_EQ(url->host_field(), "[2001:db8::1]:81");
    EXPECT_EQ(parse_web_url("http://[2001:db8::1]")->host_field(), "[2001:db8::1]");
}

TEST(web_url, everything_else_is_refused) {
    for (const char* wrong :
         {"", "pager.example.com", "ftp://a/", "http://", "http:///x", "http://:80/", "http://a:/",
          "http://a:0/", "http://a:65536/", "http://a:8x/", "http://u:p@a/", "http://u@a/",
          "http://[::1/", "http://[::1]x/", "http://a/ b", "http://a/\r\nX: y", "http://a/#top",
          "http://b\xc3\xbcro/"})
        EXPECT_FALSE(parse_web_url(wrong)) << wrong;
}

}  // namespace
}  // namespace shoal::net
