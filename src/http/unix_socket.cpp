#include "http/unix_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

namespace shoal::http {

namespace {

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int number() const { return number_; }
    int release() { return std::exchange(number_, -1); }

  private:
    int number_;
};

Result<sockaddr_un> socket_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return fail(fmt::format("\"{}\" is no path for a socket: it may have 1 to {} bytes", path,
                                sizeof address.sun_path - 1));
    path.copy(address.sun_path, path.size());
    return address;
}

const sockaddr* generic(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

/// Makes way for a new socket file, if nobody listens on the old one.
Result<void> remove_stale(const sockaddr_un& address) {
    struct stat file{};
    if (::lstat(address.sun_path, &file) != 0) {
        if (errno == ENOENT) return {};
        return fail(system_error(address.sun_path, errno));
    }
    if (!S_ISSOCK(file.st_mode))
        return fail(fmt::format("{} is there already, and it is no socket", address.sun_path));
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // EAGAIN is a listener that has much to do.
    if (::connect(probe.number(), generic(address), sizeof address) == 0 || errno != ECONNREFUSED)
        return fail(fmt::format("another shoald is running: it listens on {}", address.sun_path));
    if (::unlink(address.sun_path) != 0)
        return fail(system_error(fmt::format("removing {}", address.sun_path), errno));
    return {};
}

/// Nobody can connect before listen(), so the mode is right before it matters.
Result<void> bind_and_listen(int descriptor, const sockaddr_un& address,
                             std::optional<gid_t> group) {
    const char* path = address.sun_path;
    if (::bind(descriptor, generic(address), sizeof address) != 0)
        return fail(system_error(fmt::format("making the socket {}", path), errno));
    if (group && ::chown(path, static_cast<uid_t>(-1), *group) != 0)
        return fail(system_error(fmt::format("giving {} to its group", path), errno));
    if (::chmod(path, 0660) != 0)
        return fail(system_error(fmt::format("setting the mode of {}", path), errno));
    if (::listen(descriptor, SOMAXCONN) != 0)
        return fail(system_error(fmt::format("listening on {}", path), errno));
    return {};
}

Result<std::vector<gid_t>> peer_groups(int descriptor) {
    std::vector<gid_t> groups(32);
    while (true) {
        auto length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        const int result =
            ::getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length);
        if (result != 0 && errno != ERANGE)
            return fail(system_error("asking for the caller's groups", errno));
        groups.resize(length / sizeof(gid_t));
        if (result == 0) return groups;
    }
}

}  // namespace

ListeningSocket::ListeningSocket(std::string path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {
    struct stat file{};
    if (::lstat(path_.c_str(), &file) == 0) {
        device_ = file.st_dev;
        inode_ = file.st_ino;
    }
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : path_(std::exchange(other.path_, "")),
      descriptor_(std::exchange(other.descriptor_, -1)),
      device_(other.device_),
      inode_(other.inode_) {}

ListeningSocket::~ListeningSocket() {
    if (descriptor_ >= 0) ::close(descriptor_);
    struct stat file{};
    if (path_.empty() || ::lstat(path_.c_str(), &file) != 0) return;
    if (file.st_dev == device_ && file.st_ino == inode_) ::unlink(path_.c_str());
}

int ListeningSocket::release_descriptor() {
    return std::exchange(descriptor_, -1);
}

Result<ListeningSocket> ListeningSocket::open(const std::string& path, std::optional<gid_t> group) {
    const auto address = socket_address(path);
    if (!address) return fail(address.error());
    // Two that start at once must not remove each other's file between look and bind.
    const auto folder = std::filesystem::absolute(path).parent_path();
    const Descriptor lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock.number() < 0 || ::flock(lock.number(), LOCK_EX) != 0)
        return fail(system_error(folder.string(), errno));
    if (auto removed = remove_stale(*address); !removed) return fail(removed.error());

    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.number() < 0) return fail(system_error("opening a socket", errno));
    // The file gets the socket's own mode, less the umask.
    ::fchmod(socket.number(), 0600);
    if (auto bound = bind_and_listen(socket.number(), *address, group); !bound)
        return fail(bound.error());
    return ListeningSocket(path, socket.release());
}

Result<Peer> peer_of(int descriptor) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
        return fail(system_error("asking who calls", errno));
    auto groups = peer_groups(descriptor);
    if (!groups) return fail(groups.error());
    return Peer{.uid = credentials.uid,
                .gid = credentials.gid,
                .supplementary_groups = std::move(*groups),
                .pid = credentials.pid};
}

std::optional<gid_t> group_id(const std::string& name) {
    const group* entry = ::getgrnam(name.c_str());
    if (entry == nullptr) return {};
    return entry->gr_gid;
}

}  // namespace shoal::http
