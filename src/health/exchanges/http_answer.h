#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "health/exchanges/answer.h"

namespace shoal::health {

/// Reads the answer to one HTTP/1.1 request (RFC 9112), in any pieces: its status, and the body
/// without the coding that carries it.
class HttpAnswer {
  public:
    /// Answers to HEAD have no body.
    explicit HttpAnswer(bool may_have_body) : may_have_body_(may_have_body) {}

    void feed(std::string_view bytes);
    /// The other side has closed its connection: a body of unsaid length is complete.
    void end();

    /// What is no HTTP about it; empty: nothing so far.
    std::string_view fault() const { return fault_; }
    /// Of the answer itself, not of one that only announces it (100, 103); unset until its line is
    /// complete.
    std::optional<int> status() const { return status_; }
    /// The status line's last words.
    const std::string& reason() const { return reason_; }
    bool has_head() const { return part_ >= Part::body_until_end; }
    bool is_complete() const { return part_ == Part::complete; }
    /// As much of it as is kept.
    Answer& body() { return body_; }
    const Answer& body() const { return body_; }

  private:
    enum class Part {
        status_line,
        header,
        // From here on the head is there.
        body_until_end,
        body_of_length,
        chunk_size,
        chunk,
        chunk_end,
        trailer,
        complete,
    };

    bool wants_line() const;
    /// Takes a line's end or a part of one from the front of `bytes`.
    void take_line(std::string_view& bytes);
    void take_body(std::string_view& bytes);
    void line_is_complete();
    void read_status(std::string_view line);
    void read_header(std::string_view line);
    void read_chunk_size(std::string_view line);
    void head_is_complete();
    void must_begin_like_http();

    bool may_have_body_;
    Part part_ = Part::status_line;
    std::string line_;
    std::size_t head_size_ = 0;
    std::optional<int> status_;
    std::string reason_;
    bool is_chunked_ = false;
    /// Of the body or of the chunk, as far as it is still to come.
    std::optional<std::uint64_t> length_;
    Answer body_;
    std::string_view fault_;
};

}  // namespace shoal::health
