#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "net/address.h"

namespace shoal::health {

/// What is asked over TCP for a text.
struct TextQuestion {
    net::Address address;
    std::uint16_t port = 0;
    /// Empty: the other side speaks first.
    std::string send;
    /// In bytes; more is an error.
    std::size_t longest = 0;
    Milliseconds timeout{};
    /// Whether all that matters came; else the other side must end its connection.
    std::function<bool(std::string_view)> is_whole;
};

/// One question over a connection of its own.
class TextAsker {
  public:
    using OnText = std::function<void(const Result<std::string>&)>;

    /// `on_text` is called once, from the loop and never from within this call.
    TextAsker(boost::asio::io_context& loop, TextQuestion question, OnText on_text);
    /// Gives the question up; `on_text` is then never called.
    ~TextAsker();
    TextAsker(const TextAsker&) = delete;
    TextAsker& operator=(const TextAsker&) = delete;

  private:
    class Run;
    std::shared_ptr<Run> run_;
};

}  // namespace shoal::health
