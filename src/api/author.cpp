#include "api/author.h"

#include <pwd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

namespace shoal::api {

config::Author author_of(const http::Peer& peer) {
    config::Author author{.user = std::to_string(peer.uid), .uid = peer.uid};
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/etc/passwd", "re"),
                                                               &std::fclose);
    std::array<char, 4096> text{};
    passwd entry{};
    passwd* found = nullptr;
    while (file && fgetpwent_r(file.get(), &entry, text.data(), text.size(), &found) == 0) {
        if (entry.pw_uid != peer.uid) continue;
        // A revision could not be recorded with a name that is no text.
        if (config::parse_remark(entry.pw_name)) author.user = entry.pw_name;
        break;
    }
    return author;
}

}  // namespace shoal::api
