#include "health/tls_error.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

#include "health/check_reason.h"

namespace shoal::health {

namespace {

std::string date_of(const ASN1_TIME* time) {
    std::tm date{};
    if (ASN1_TIME_to_tm(time, &date) != 1) return "an unreadable date";
    return fmt::format("{:%Y-%m-%d %H:%M} UTC", date);
}

std::string name_of(const X509_NAME* name) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> text(BIO_new(BIO_s_mem()), BIO_free);
    X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    char* begin = nullptr;
    const long size = BIO_get_mem_data(text.get(), &begin);
    // It comes from the server: any bytes.
    return in_quotes({begin, static_cast<std::size_t>(size)}, 128);
}

}  // namespace

std::string last_tls_error() {
    const auto error = ERR_peek_error();
    ERR_clear_error();
    if (error == 0) return "unknown error";
    if (ERR_SYSTEM_ERROR(error)) return socket_error_in_words(ERR_GET_REASON(error));
    const char* words = ERR_reason_error_string(error);
    return words ? words : fmt::format("error {:#x}", error);
}

std::string refusal_in_words(X509_STORE_CTX* verification, const std::string& expected_name) {
    const int why = X509_STORE_CTX_get_error(verification);
    const auto* certificate = X509_STORE_CTX_get_current_cert(verification);
    const std::string whose =
        X509_STORE_CTX_get_error_depth(verification) == 0 || !certificate
            ? "its certificate"
            : "the certificate of its authority " + name_of(X509_get_subject_name(certificate));
    switch (why) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return whose + " expired on " + date_of(X509_get0_notAfter(certificate));
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return whose + " is not valid before " + date_of(X509_get0_notBefore(certificate));
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return whose + " is not for " + expected_name;
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return "its certificate is from an unknown authority";
        default:
            return fmt::format("{} is refused: {}", whose, X509_verify_cert_error_string(why));
    }
}

std::string session_in_words(const SSL* session) {
    auto words = fmt::format("{}, {}", SSL_get_version(session), SSL_get_cipher_name(session));
    if (const auto* certificate = SSL_get0_peer_certificate(session)) {
        words += fmt::format(
            ", certificate of {}, by {}, until {}", name_of(X509_get_subject_name(certificate)),
            name_of(X509_get_issuer_name(certificate)), date_of(X509_get0_notAfter(certificate)));
    }
    return words;
}

}  // namespace shoal::health
