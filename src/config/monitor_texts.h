#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/monitor.h"

// What the texts in the settings of checks, load monitors and notifications must look like.

namespace shoal::config {

struct TextFault {
    std::string message;
    std::string advice;
};

/// Of a program and its arguments, at least the program: not absolute, or with an unknown %-word.
std::optional<TextFault> program_fault(const std::vector<std::string>& words);

bool is_http_method(std::string_view text);
/// With its query; "*" too, which OPTIONS asks about.
bool is_http_path(std::string_view text);
/// What may stand in a Host header or a certificate: a name or an address, perhaps with a port.
bool is_host(std::string_view text);
/// "host" or "host:port".
bool is_host_and_port(std::string_view text);
bool is_domain_name(std::string_view text);

/// Whether a record of that type can be this, as dig writes it.
bool is_dns_answer(model::DnsType type, std::string_view text);
/// How such a record looks: "10 mail.example.com."
std::string_view dns_answer_form(model::DnsType type);

}  // namespace shoal::config
