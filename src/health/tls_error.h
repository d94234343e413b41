#pragma once

#include <openssl/types.h>

#include <string>

namespace shoal::health {

/// The oldest error that OpenSSL remembers on this thread, in its words. Forgets all of them.
std::string last_tls_error();

/// Why a certificate is refused, in the middle of its verification: "its certificate expired on
/// 2020-01-31 12:00 UTC".
std::string refusal_in_words(X509_STORE_CTX* verification, const std::string& expected_name);

/// "TLSv1.3, TLS_AES_256_GCM_SHA384, certificate of CN = www.example.com, by CN = Example CA, until
/// 2030-01-31"
std::string session_in_words(const SSL* session);

}  // namespace shoal::health
