#include "health/tls_contexts.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include "health/tls_error.h"
#include "health/tls_session.h"

namespace shoal::health {

namespace {

using Context = std::shared_ptr<SSL_CTX>;

/// An encrypted key is refused; OpenSSL would ask on the terminal for its password.
int no_password(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
    return 0;
}

std::unexpected<Error> cannot_read(const char* what, const std::string& file) {
    return fail(fmt::format("cannot use the {} {}: {}", what, file, last_tls_error()));
}

Result<void> read_authorities(SSL_CTX* context, const std::string& file) {
    if (file.empty()) {
        SSL_CTX_set_default_verify_paths(context);
    } else if (SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
        return cannot_read("file of authorities", file);
    }
    return {};
}

Result<void> read_certificate(SSL_CTX* context, const model::Monitor& monitor) {
    if (monitor.certificate_file.empty()) return {};
    const auto& key = monitor.key_file.empty() ? monitor.certificate_file : monitor.key_file;
    if (SSL_CTX_use_certificate_chain_file(context, monitor.certificate_file.c_str()) != 1)
        return cannot_read("client certificate", monitor.certificate_file);
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
        return cannot_read("key", key);
    return {};
}

Result<Context> read_context(const model::Monitor& monitor) {
    ERR_clear_error();
    Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    if (!context) return fail("OpenSSL: " + last_tls_error());
    SSL_CTX_set_default_passwd_cb(context.get(), no_password);
    // A server that closes without TLS's farewell has still said all that it wanted.
    SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    if (monitor.verify_certificate) {
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, TlsSession::verified);
        if (auto read = read_authorities(context.get(), monitor.ca_file); !read)
            return fail(read.error());
    }
    if (auto read = read_certificate(context.get(), monitor); !read) return fail(read.error());
    return context;
}

}  // namespace

TlsContexts::TlsContexts() = default;
TlsContexts::~TlsContexts() = default;

TlsContexts::FileState TlsContexts::state_of(const std::string& file) {
    struct stat found{};
    if (file.empty() || stat(file.c_str(), &found) != 0) return {};
    return {.device = found.st_dev,
            .inode = found.st_ino,
            .size = found.st_size,
            .changed_ns = found.st_ctim.tv_sec * 1'000'000'000 + found.st_ctim.tv_nsec};
}

Result<std::shared_ptr<SSL_CTX>> TlsContexts::get(const model::Monitor& monitor) {
    Key key(monitor.verify_certificate, monitor.ca_file, monitor.certificate_file,
            monitor.key_file);
    const FileStates files{state_of(monitor.ca_file), state_of(monitor.certificate_file),
                           state_of(monitor.key_file)};
    const auto known = read_.find(key);
    if (known != read_.end() && known->second.files == files) return known->second.context;
    // What no check asks for any more must not pile up through many edits.
    constexpr std::size_t most_kept = 1024;
    if (read_.size() >= most_kept) read_.clear();
    // What failed may be another time's fault than the files'.
    auto context = read_context(monitor);
    if (context) read_.insert_or_assign(std::move(key), Read{files, context});
    return context;
}

}  // namespace shoal::health
