#pragma once

#include <span>
#include <string_view>

#include "model/monitor.h"

// The checks that a short fixed exchange settles, as data.

namespace shoal::health {

/// One thing that is said, and what must come back.
struct PresetStep {
    /// {address}, {transport} and {unique} are replaced: what is checked, "TCP" or "UDP", and a
    /// word that no other check uses. Empty: the server speaks first.
    std::string_view send;
    /// What the answer must begin with, for messages too; empty: `wrong` decides.
    std::string_view begins{};
    /// Matches as soon as the answer is complete and right. Empty: nothing is awaited. All patterns
    /// are RE2's, over bytes.
    std::string_view complete{};
    /// The server answers, and says that it is not ready; its first group is the reason.
    std::string_view refused{};
    /// Of a reason without an end of its own: it is complete when the connection is closed.
    bool refusal_ends_connection = false;
    /// The answer is one of MySQL's packets, and complete with its last byte: how many they are
    /// behind the fourth one, the first three say, the least first.
    bool is_packet = false;
    /// Something else answers here.
    std::string_view wrong{};
    /// A closed connection is as good as the answer.
    bool may_end = false;
};

struct Preset {
    model::MonitorType type;
    /// What answers: "an FTP server".
    std::string_view server;
    std::span<const PresetStep> steps;
};

/// Of smtp, ftp, imap, pop3, ldap, mysql, postgresql, redis or sip.
const Preset& preset_of(model::MonitorType type);
std::span<const Preset> presets();

}  // namespace shoal::health
