#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

// Certificates for the tests of this folder, made as they are needed.

namespace shoal::health {

/// What a certificate says. Its names are as OpenSSL's subjectAltName,
/// "DNS:www.example.com,IP:::1".
struct CertificateOrder {
    std::string names;
    /// Seconds from now.
    long valid_from = -3600;
    long valid_until = 3600;
};

/// A key and what it says who it is, and who else it vouches for.
class Identity {
  public:
    /// An authority, which vouches for itself.
    static Identity authority(const std::string& name) {
        Identity made(name, {});
        made.add_extension(NID_basic_constraints, "critical,CA:TRUE", made);
        made.sign_by(made);
        return made;
    }
    Identity issue(const CertificateOrder& order) const {
        Identity made("server", order);
        made.add_extension(NID_subject_alt_name, order.names, *this);
        X509_set_issuer_name(made.certificate_.get(), X509_get_subject_name(certificate_.get()));
        made.sign_by(*this);
        return made;
    }

    EVP_PKEY* key() const { return key_.get(); }
    X509* certificate() const { return certificate_.get(); }

    void write_certificate(const std::filesystem::path& file) const {
        const File to(std::fopen(file.c_str(), "w"));
        PEM_write_X509(to.get(), certificate_.get());
    }
    void write_key(const std::filesystem::path& file) const {
        const File to(std::fopen(file.c_str(), "w"));
        PEM_write_PrivateKey(to.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    }

  private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    struct FreeKey {
        void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    };
    struct FreeCertificate {
        void operator()(X509* certificate) const { X509_free(certificate); }
    };
    using File = std::unique_ptr<std::FILE, Close>;

    Identity(const std::string& name, const CertificateOrder& order)
        : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
        auto* made = certificate_.get();
        X509_set_version(made, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
        X509_gmtime_adj(X509_getm_notBefore(made), order.valid_from);
        X509_gmtime_adj(X509_getm_notAfter(made), order.valid_until);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
        X509_set_issuer_name(made, X509_get_subject_name(made));
        X509_set_pubkey(made, key_.get());
    }

    void add_extension(int kind, const std::string& value, const Identity& issuer) {
        X509V3_CTX context{};
        X509V3_set_ctx(&context, issuer.certificate(), certificate(), nullptr, nullptr, 0);
        auto* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
        ASSERT_NE(extension, nullptr) << value;
        X509_add_ext(certificate(), extension, -1);
        X509_EXTENSION_free(extension);
    }
    void sign_by(const Identity& issuer) { X509_sign(certificate(), issuer.key(), EVP_sha256()); }

    std::unique_ptr<EVP_PKEY, FreeKey> key_;
    std::unique_ptr<X509, FreeCertificate> certificate_;
};

/// A directory that goes with the test.
class TestDirectory {
  public:
    TestDirectory() {
        std::string name =
            (std::filesystem::temp_directory_path() / "shoal-health-XXXXXX").string();
        if (mkdtemp(name.data())) path_ = name;
    }
    ~TestDirectory() { std::filesystem::remove_all(path_); }
    TestDirectory(const TestDirectory&) = delete;
    TestDirectory& operator=(const TestDirectory&) = delete;
    std::filesystem::path operator/(const std::string& file) const { return path_ / file; }

  private:
    std::filesystem::path path_;
};

}  // namespace shoal::health
