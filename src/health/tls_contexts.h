#pragma once

#include <openssl/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "base/result.h"
#include "model/monitor.h"

namespace shoal::health {

/// OpenSSL's settings for checks, one for each distinct set of files, read again when a file
/// changes.
class TlsContexts {
  public:
    TlsContexts();
    ~TlsContexts();

    /// Fails, naming the file, where one cannot be read or does not fit.
    Result<std::shared_ptr<SSL_CTX>> get(const model::Monitor& monitor);

  private:
    struct FileState {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::int64_t size = -1;
        std::int64_t changed_ns = 0;
        bool operator==(const FileState&) const = default;
    };
    /// Of the authorities, the certificate, and its key.
    using FileStates = std::array<FileState, 3>;
    struct Read {
        FileStates files;
        Result<std::shared_ptr<SSL_CTX>> context;
    };
    using Key = std::tuple<bool, std::string, std::string, std::string>;

    static FileState state_of(const std::string& file);

    std::map<Key, Read> read_;
};

}  // namespace shoal::health
