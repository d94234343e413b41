#include "health/presets.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace shoal::health {

namespace {

using std::string_view_literals::operator""sv;

// Multi-line replies: "220-first", any lines, "220 last" (RFC 959, 4.2; RFC 5321, 4.2.1).
constexpr auto reply_220 = R"(\A220(?:-(?s:.*?)\n220)?(?: [^\n]*|\r)?\n)"sv;
constexpr auto reply_250 = R"(\A250(?:-(?s:.*?)\n250)?(?: [^\n]*|\r)?\n)"sv;
constexpr auto reply_221 = R"(\A221(?:-(?s:.*?)\n221)?(?: [^\n]*|\r)?\n)"sv;
constexpr auto reply_negative = R"(\A([45]\d\d[^\r\n]*)\r?\n)"sv;

constexpr std::array ftp{
    PresetStep{.send = "", .begins = "220", .complete = reply_220, .refused = reply_negative},
    PresetStep{.send = "QUIT\r\n", .begins = "221", .complete = reply_221, .may_end = true},
};

constexpr std::array smtp{
    PresetStep{.send = "", .begins = "220", .complete = reply_220, .refused = reply_negative},
    PresetStep{.send = "EHLO localhost\r\n",
               .begins = "250",
               .complete = reply_250,
               .refused = reply_negative},
    PresetStep{.send = "QUIT\r\n", .begins = "221", .complete = reply_221, .may_end = true},
};

// RFC 3501, 7.1.
constexpr std::array imap{
    PresetStep{.send = "",
               .begins = "* ",
               .complete = R"(\A\* (?:OK|PREAUTH)[^\n]*\n)",
               .refused = R"(\A\* BYE ?([^\r\n]*)\r?\n)",
               .wrong = R"(\A\* [^OPB])"},
    PresetStep{.send = "a LOGOUT\r\n",
               .begins = "* BYE",
               .complete = R"(\A\* BYE[^\n]*\n)",
               .may_end = true},
};

// RFC 1939, 3.
constexpr std::array pop3{
    PresetStep{.send = "",
               .begins = "+OK",
               .complete = R"(\A\+OK[^\n]*\n)",
               .refused = R"(\A-ERR ?([^\r\n]*)\r?\n)"},
    PresetStep{
        .send = "QUIT\r\n", .begins = "+OK", .complete = R"(\A\+OK[^\n]*\n)", .may_end = true},
};

// An anonymous bind of LDAPv3 (RFC 4511, 4.2) with message ID 1, and an unbind. A directory that
// allows no anonymous bind answers too. Result codes 51 and 52: busy, unavailable. Lengths are
// short or, behind 0x81 to 0x84, of as many bytes.
#define SHOAL_BER_LENGTH R"((?:[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....))"
#define SHOAL_BIND_RESPONSE \
    R"((?s)\A0)" SHOAL_BER_LENGTH R"(\x02\x01\x01a)" SHOAL_BER_LENGTH R"(\x0a\x01)"
constexpr std::array ldap{
    PresetStep{.send = "\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"sv,
               .complete = SHOAL_BIND_RESPONSE R"([^\x33\x34])",
               .refused = SHOAL_BIND_RESPONSE R"([\x33\x34]\x04\x00\x04.(.*))",
               .wrong = R"((?s)\A(?:[^0]|0)" SHOAL_BER_LENGTH R"(\x02\x01(?:[^\x01]|\x01[^a])))"},
    PresetStep{.send = "\x30\x05\x02\x01\x02\x42\x00"sv},
};
#undef SHOAL_BIND_RESPONSE
#undef SHOAL_BER_LENGTH

// The greeting: a packet with number 0 and protocol version 10, or an error packet: 0xff, a code of
// two bytes, its words. A server that sees greetings unanswered blocks the director after
// max_connect_errors of them, so they are answered: HandshakeResponse41 for the user "shoal"
// without a password, by mysql_native_password. Any packet is right then; usually it denies the
// access. A server that wants another method instead gets an empty answer at once, which it counts
// as a wrong password; a connection that just ends would count towards max_connect_errors.
constexpr std::array mysql{
    PresetStep{.send = "",
               .complete = R"((?s)\A...\x00\x0a[^\x00]*\x00.{4})",
               .refused = R"((?s)\A...\x00\xff..(?:#.{5})?(.*))",
               .refusal_ends_connection = true,
               .is_packet = true,
               .wrong = R"((?s)\A...(?:[^\x00]|\x00[^\x0a\xff]))"},
    PresetStep{.send = "\x3d\x00\x00\x01\x00\x82\x08\x00\x00\x00\x00\x01\x21"
                       "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                       "shoal\0"
                       "\0"
                       "mysql_native_password\0"
                       "\x00\x00\x00\x03"sv,
               .complete = R"((?s)\A...\x02(?:[^\xfe]|\xfe.*\x04.))",
               .may_end = true},
};

// A startup message, protocol 3.0, for the user "shoal" and the database "postgres": whoever may
// log in, a server that is ready asks for a password or denies the access (SQLSTATE 28, 3D). One
// that starts, stops or is full says so.
constexpr std::array postgresql{
    PresetStep{.send = "\x00\x00\x00\x26\x00\x03\x00\x00"
                       "user\0"
                       "shoal\0"
                       "database\0"
                       "postgres\0"
                       "\0"sv,
               .complete = R"((?s)\A(?:R.{8}|E.{4}(?:[^\x00]+\x00)*?C(?:28|3D)))",
               .refused = R"((?s)\AE.{4}(?:[^\x00]+\x00)*?C(?:[^23]|2[^8]|3[^D])[^\x00]*\x00)"
                          R"((?:[^\x00M][^\x00]*\x00)*M([^\x00]*)\x00)",
               .wrong = R"(\A[^RE])"},
};

constexpr std::array redis{
    PresetStep{.send = "PING\r\n",
               .complete = R"(\A(?:\+PONG|-NOAUTH[^\n]*)\r\n)",
               .refused = R"(\A-([^\r\n]*)\r\n)",
               .wrong = R"(\A(?:[^+-]|\+[^P]|\+P[^O]))"},
};

// RFC 3261, 11. Answers go where the request came from (rport, RFC 3581). 1xx only announces one.
constexpr std::array sip{
    PresetStep{
        .send = "OPTIONS sip:{address} SIP/2.0\r\n"
                "Via: SIP/2.0/{transport} shoal.invalid;rport;branch=z9hG4bK{unique}\r\n"
                "Max-Forwards: 70\r\n"
                "From: <sip:shoal@shoal.invalid>;tag={unique}\r\n"
                "To: <sip:{address}>\r\n"
                "Call-ID: {unique}@shoal.invalid\r\n"
                "CSeq: 1 OPTIONS\r\n"
                "Accept: application/sdp\r\n"
                "Content-Length: 0\r\n\r\n",
        .begins = "SIP/2.0 ",
        .complete = R"(\A(?:SIP/2\.0 1\d\d(?s:.*?)\r\n\r\n)*SIP/2\.0 (?:2\d\d|40[1457])[^\n]*\n)",
        .refused = R"(\A(?:SIP/2\.0 1\d\d(?s:.*?)\r\n\r\n)*SIP/2\.0 )"
                   R"(([3-6]\d\d[^\r\n]*)\r?\n)"},
};

constexpr std::array all{
    Preset{model::MonitorType::smtp, "an SMTP server", smtp},
    Preset{model::MonitorType::ftp, "an FTP server", ftp},
    Preset{model::MonitorType::imap, "an IMAP server", imap},
    Preset{model::MonitorType::pop3, "a POP3 server", pop3},
    Preset{model::MonitorType::ldap, "an LDAP server", ldap},
    Preset{model::MonitorType::mysql, "a MySQL server", mysql},
    Preset{model::MonitorType::postgresql, "a PostgreSQL server", postgresql},
    Preset{model::MonitorType::redis, "a Redis server", redis},
    Preset{model::MonitorType::sip, "a SIP server", sip},
};

}  // namespace

std::span<const Preset> presets() {
    return all;
}

const Preset& preset_of(model::MonitorType type) {
    const auto* found = std::ranges::find(all, type, &Preset::type);
    if (found == all.end()) std::abort();
    return *found;
}

}  // namespace shoal::health
