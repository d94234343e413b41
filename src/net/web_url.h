#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace shoal::net {

struct WebUrl {
    bool tls = false;
    /// A name or an address, without brackets.
    std::string host;
    std::string port;
    /// Path and query, at least "/".
    std::string target;

    /// As the Host field has it: an IPv6 address in brackets, the port where it is not the usual.
    std::string host_field() const;
};

/// "http://host[:port][/path][?query]" or https; no user, no fragment, printable ASCII alone.
Result<WebUrl> parse_web_url(std::string_view text);

}  // namespace shoal::net
