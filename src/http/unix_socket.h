#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/result.h"
#include "http/message.h"

namespace shoal::http {

/// A bound and listening Unix socket. Its file goes when it is destroyed.
class ListeningSocket {
  public:
    /// Makes the socket file with mode 0660, owned by this process and `group` (unset: its own
    /// group). A socket file that nobody listens on any more is replaced; one with a listener is an
    /// error that says so, and any other file is left alone.
    static Result<ListeningSocket> open(const std::string& path, std::optional<gid_t> group);

    ListeningSocket(ListeningSocket&& other) noexcept;
    ListeningSocket& operator=(ListeningSocket&&) = delete;
    ~ListeningSocket();

    /// Hands the descriptor to the caller, who closes it; the file still goes with this object.
    int release_descriptor();

  private:
    ListeningSocket(std::string path, int descriptor);

    std::string path_;
    int descriptor_ = -1;
    /// Of the file, so that another program's socket of the same name is never removed.
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

/// From SO_PEERCRED and SO_PEERGROUPS (Linux 4.13).
Result<Peer> peer_of(int descriptor);

/// The number of a group, unset where there is none of that name.
std::optional<gid_t> group_id(const std::string& name);

}  // namespace shoal::http
