#include "health/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "health/check_reason.h"
#include "health/exchange.h"
#include "health/tls_error.h"

namespace shoal::health {

namespace {

// OpenSSL's own socket BIO writes with write(), which raises SIGPIPE.

int socket_of(BIO* bio) {
    return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

int bio_write(BIO* bio, const char* bytes, std::size_t size, std::size_t* count) {
    BIO_clear_retry_flags(bio);
    const auto sent = send(socket_of(bio), bytes, size, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR) BIO_set_retry_write(bio);
        return 0;
    }
    *count = static_cast<std::size_t>(sent);
    return 1;
}

int bio_read(BIO* bio, char* buffer, std::size_t size, std::size_t* count) {
    BIO_clear_retry_flags(bio);
    const auto received = recv(socket_of(bio), buffer, size, 0);
    if (received < 0) {
        if (errno == EAGAIN || errno == EINTR) BIO_set_retry_read(bio);
        return 0;
    }
    if (received == 0) {
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
        errno = 0;
        return 0;
    }
    *count = static_cast<std::size_t>(received);
    return 1;
}

long bio_control(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
    switch (command) {
        case BIO_CTRL_FLUSH:
            return 1;
        case BIO_CTRL_EOF:
            return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
        default:
            return 0;
    }
}

int bio_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
}

/// Lives as long as the process.
const BIO_METHOD* socket_method() {
    static const BIO_METHOD* const method = [] {
        auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "check socket");
        BIO_meth_set_write_ex(made, bio_write);
        BIO_meth_set_read_ex(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        BIO_meth_set_create(made, bio_create);
        return made;
    }();
    return method;
}

bool is_address(const std::string& name) {
    return net::Address::parse(name).has_value();
}

/// "host", "host:port" or "[address]:port".
std::string without_port(const std::string& host) {
    if (is_address(host)) return host;
    if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
    return host.substr(0, host.find(':'));
}

/// Asks for the name, and for its certificate where that is verified.
bool set_name(SSL* session, const std::string& name) {
    if (is_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str()) == 1;
    // RFC 6066: no addresses here.
    return SSL_set_tlsext_host_name(session, name.c_str()) == 1 &&
           SSL_set1_host(session, name.c_str()) == 1;
}

/// gRPC's servers insist on HTTP/2 being agreed on.
bool set_protocols(SSL* session, const model::Monitor& monitor) {
    if (monitor.type != model::MonitorType::grpc) return true;
    constexpr std::array<unsigned char, 3> h2{2, 'h', '2'};
    return SSL_set_alpn_protos(session, h2.data(), h2.size()) == 0;
}

}  // namespace

std::string certificate_name(const Question& question) {
    const auto& monitor = question.monitor;
    if (!monitor.server_name.empty()) return monitor.server_name;
    if (!monitor.host.empty()) return without_port(monitor.host);
    return question.address.to_string();
}

void TlsSession::Free::operator()(SSL* session) const {
    SSL_free(session);
}

Result<std::unique_ptr<TlsSession>> TlsSession::create(SSL_CTX* context, int socket,
                                                       const Question& question) {
    ERR_clear_error();
    auto name = certificate_name(question);
    std::unique_ptr<TlsSession> made(new TlsSession(SSL_new(context), name));
    auto* session = made->session_.get();
    auto* bio = session ? BIO_new(socket_method()) : nullptr;
    if (!bio) return fail("OpenSSL: " + last_tls_error());
    BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket)));
    SSL_set_bio(session, bio, bio);
    SSL_set_connect_state(session);
    SSL_set_app_data(session, made.get());
    if (!set_name(session, name) || !set_protocols(session, question.monitor))
        return fail("OpenSSL: " + last_tls_error());
    return made;
}

int TlsSession::verified(int is_good, X509_STORE_CTX* verification) {
    if (is_good == 1) return 1;
    auto* session = static_cast<SSL*>(
        X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* owner = static_cast<TlsSession*>(SSL_get_app_data(session));
    owner->problem_ = refusal_in_words(verification, owner->name_);
    return 0;
}

TlsSession::End TlsSession::handshake() {
    ERR_clear_error();
    const int returned = SSL_do_handshake(session_.get());
    if (returned != 1) return end_of(returned);
    handshaken_ = true;
    return End::done;
}

TlsSession::End TlsSession::write(std::string_view bytes, std::size_t& count) {
    ERR_clear_error();
    const int returned = SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &count);
    return returned == 1 ? End::done : end_of(returned);
}

TlsSession::End TlsSession::read(char* buffer, std::size_t size, std::size_t& count) {
    ERR_clear_error();
    const int returned = SSL_read_ex(session_.get(), buffer, size, &count);
    return returned == 1 ? End::done : end_of(returned);
}

TlsSession::End TlsSession::end_of(int returned) {
    const int error_number = errno;
    switch (SSL_get_error(session_.get(), returned)) {
        case SSL_ERROR_WANT_READ:
            return End::wants_read;
        case SSL_ERROR_WANT_WRITE:
            return End::wants_write;
        case SSL_ERROR_ZERO_RETURN:
            if (handshaken_) return End::closed;
            problem_ = "closed during the TLS handshake";
            return End::failed;
        case SSL_ERROR_SYSCALL:
            problem_ = error_number != 0 ? socket_error_in_words(error_number)
                                         : "closed during the TLS handshake";
            return End::failed;
        default:
            break;
    }
    const auto words = last_tls_error();
    // A certificate that was refused says more.
    if (problem_.empty()) problem_ = (handshaken_ ? "TLS: " : "TLS handshake: ") + words;
    return End::failed;
}

std::string TlsSession::in_words() const {
    return session_in_words(session_.get());
}

}  // namespace shoal::health
