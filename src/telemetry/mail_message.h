#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "telemetry/event.h"

namespace shoal::telemetry {

/// The event as a message (RFC 5322) with CRLF, in ASCII alone, no line longer than 76 characters
/// but for header fields. Nothing in the event or a name can begin a header field of its own. `id`
/// is the Message-ID without its brackets. The addresses are such (model::is_mail_address()).
std::string mail_message(const Event& event, const std::string& from,
                         const std::vector<std::string>& to, const std::string& id);

/// "Mon, 23 Nov 2026 07:15:25 +0000"
std::string mail_date(std::int64_t time_ms);
/// RFC 2047: as it is where it is plain ASCII, else in encoded words of UTF-8; control characters
/// are blanks.
std::string header_text(std::string_view text);
/// RFC 2045, quoted-printable, with CRLF at each end of a line.
std::string quoted_printable(std::string_view text);

}  // namespace shoal::telemetry
