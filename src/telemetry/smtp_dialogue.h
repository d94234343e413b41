#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace shoal::telemetry {

struct Mail {
    std::string from;
    std::vector<std::string> to;
    /// With CRLF at the end of each line.
    std::string message;
};

/// A client's side of SMTP (RFC 5321) without a socket: fed with what the relay says, in any
/// pieces, it says what is sent next. Addresses of `mail` are such (model::is_mail_address()).
class SmtpDialogue {
  public:
    /// `own_name` is the one of EHLO.
    SmtpDialogue(Mail mail, std::string own_name);

    struct Step {
        /// To be sent now; may be empty.
        std::string send;
        /// Set: it is over, after `send`. Good when the relay has taken the message for at least
        /// one recipient.
        std::optional<Result<void>> result;
    };
    Step received(std::string_view bytes);
    /// Those that the relay refused, with its words.
    const std::vector<std::string>& refused() const { return refused_; }

  private:
    enum class State { greeting, ehlo, helo, sender, recipient, data, message, over };

    Step answer(int code, const std::string& text);
    Step expect(bool as_expected, const std::string& text, State next, std::string send);
    Step next_recipient();
    Step recipient_answered(int code, const std::string& text);
    Step refuse(const std::string& text);

    Mail mail_;
    std::string own_name_;
    State state_ = State::greeting;
    std::string unread_;
    std::size_t recipient_ = 0;
    std::vector<std::string> refused_;
};

/// `message` as it is sent after DATA: a dot at the beginning of a line doubled, and the final dot.
std::string dot_stuffed(std::string_view message);

}  // namespace shoal::telemetry
