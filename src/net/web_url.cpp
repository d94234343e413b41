#include "net/web_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace shoal::net {

namespace {

bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port != 0;
}

/// Takes `host`, `host:port`, `[address]` or `[address]:port`.
bool take_authority(std::string_view text, WebUrl& url) {
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto bracket = text.find(']');
        if (bracket == std::string_view::npos) return false;
        url.host = text.substr(1, bracket - 1);
        rest = text.substr(bracket + 1);
    } else {
        const auto colon = std::min(text.find(':'), text.size());
        url.host = text.substr(0, colon);
        rest = text.substr(colon);
    }
    if (url.host.empty() || url.host.find_first_of("@[]\\") != std::string::npos) return false;
    if (rest.empty()) return true;
    url.port = rest.substr(1);
    return rest.front() == ':' && is_port(url.port);
}

}  // namespace

Result<WebUrl> parse_web_url(std::string_view text) {
    const auto wrong = fail(fmt::format("\"{}\" is no URL of http or https", text));
    if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '#'; }))
        return wrong;
    WebUrl url;
    if (text.starts_with("https://"))
        url.tls = true;
    else if (!text.starts_with("http://"))
        return wrong;
    text.remove_prefix(url.tls ? 8 : 7);
    url.port = url.tls ? "443" : "80";
    const auto end = std::min(text.find_first_of("/?"), text.size());
    if (!take_authority(text.substr(0, end), url)) return wrong;
    url.target = text.substr(end);
    if (!url.target.starts_with('/')) url.target.insert(0, "/");
    return url;
}

std::string WebUrl::host_field() const {
    const auto name = host.find(':') == std::string::npos ? host : fmt::format("[{}]", host);
    return port == (tls ? "443" : "80") ? name : fmt::format("{}:{}", name, port);
}

}  // namespace shoal::net
