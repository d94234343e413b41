#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "health/check.h"
#include "health/check_tools.h"
#include "health/exchange.h"

namespace shoal::health {

struct CheckOrder {
    std::shared_ptr<const Question> question;
    Milliseconds timeout{};
    Check::OnDone on_done;
    std::shared_ptr<Transcript> transcript;
};

/// A check under way, by whatever transport. Held by its handlers and by the Check that began it.
class CheckRun : public std::enable_shared_from_this<CheckRun> {
  public:
    /// `allowance`: how much later than its timeout time_is_up() is called.
    CheckRun(CheckTools& tools, CheckOrder order, Milliseconds allowance = {});
    virtual ~CheckRun() = default;
    CheckRun(const CheckRun&) = delete;
    CheckRun& operator=(const CheckRun&) = delete;

    void begin();
    /// Ends it without a word.
    void give_up();

  protected:
    using Done = std::optional<CheckResult>;

    /// Begins to ask; a result if that has failed already.
    virtual Done start() = 0;
    /// The check's time is over.
    virtual CheckResult time_is_up() = 0;
    /// Lets go of what would hold this run alive.
    virtual void release() = 0;
    /// What a result comes to, once everything was let go.
    virtual CheckResult review(CheckResult result) { return result; }

    /// Reports, and ends the run.
    void finish(CheckResult result);
    bool is_over() const { return !on_done_; }

    /// Whether `note` is worth making its text.
    bool is_noted() const { return transcript_ != nullptr; }
    void note(std::string text);
    /// "sent 18 bytes: ..."
    void note_bytes(std::string_view what, std::string_view bytes);

    CheckTools& tools() const { return tools_; }
    const Question& question() const { return *question_; }
    Milliseconds timeout() const { return timeout_; }

    template <class T>
    std::shared_ptr<T> self() {
        return std::static_pointer_cast<T>(shared_from_this());
    }

  private:
    /// The check's time is over, as far as the director was there to see it.
    CheckResult result_at_end();
    void end();

    CheckTools& tools_;
    std::shared_ptr<const Question> question_;
    Milliseconds timeout_;
    Milliseconds allowance_;
    Check::OnDone on_done_;
    std::shared_ptr<Transcript> transcript_;
    boost::asio::steady_timer timer_;
    TimePoint began_;
};

/// One for the question's type and protocol.
std::shared_ptr<CheckRun> make_socket_run(CheckTools& tools, CheckOrder order);
std::shared_ptr<CheckRun> make_echo_run(CheckTools& tools, CheckOrder order);
std::shared_ptr<CheckRun> make_program_run(CheckTools& tools, CheckOrder order);

}  // namespace shoal::health
