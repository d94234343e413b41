#pragma once

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "health/check.h"

namespace shoal::health {

/// A client's side of TLS on a connected, non-blocking socket, which it does not own.
class TlsSession {
  public:
    static Result<std::unique_ptr<TlsSession>> create(SSL_CTX* context, int socket,
                                                      const Question& question);

    enum class End { done, wants_read, wants_write, closed, failed };
    /// Of `failed`, problem() says why.
    End handshake();
    /// Writes what it can of `bytes`; `done` with the count written in `count`.
    End write(std::string_view bytes, std::size_t& count);
    /// `done` with at least one byte in `buffer`.
    End read(char* buffer, std::size_t size, std::size_t& count);

    /// Of a session's settings: OpenSSL's callback for each certificate of the server's chain.
    static int verified(int is_good, X509_STORE_CTX* verification);

    const std::string& problem() const { return problem_; }
    std::string in_words() const;

  private:
    struct Free {
        void operator()(SSL* session) const;
    };

    TlsSession(SSL* session, std::string name) : session_(session), name_(std::move(name)) {}
    End end_of(int returned);

    std::unique_ptr<SSL, Free> session_;
    /// The one its certificate must be for.
    std::string name_;
    std::string problem_;
    bool handshaken_ = false;
};

/// What the certificate must be for: the server name, else the host without its port, else the
/// address.
std::string certificate_name(const Question& question);

}  // namespace shoal::health
