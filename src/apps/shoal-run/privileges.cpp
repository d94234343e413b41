#include "privileges.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

namespace shoal {

namespace {

const passwd* user_for(const std::string& name) {
    if (!name.empty()) return ::getpwnam(name.c_str());
    const passwd* own = ::getpwnam("shoal-run");
    return own != nullptr ? own : ::getpwnam("nobody");
}

/// With the last uid the capabilities go, too. Groups first, while that is still allowed.
Result<void> become(const passwd& user) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(user.pw_gid, user.pw_gid, user.pw_gid) != 0 ||
        ::setresuid(user.pw_uid, user.pw_uid, user.pw_uid) != 0)
        return fail(system_error(std::string("becoming ") + user.pw_name, errno));
    if (::setuid(0) == 0) return fail("root was given up and can be had again");
    return {};
}

std::string own_name() {
    const passwd* user = ::getpwuid(::getuid());
    return user != nullptr ? user->pw_name : std::to_string(::getuid());
}

}  // namespace

Result<uid_t> user_id(const std::string& name) {
    const passwd* user = ::getpwnam(name.c_str());
    if (user == nullptr) return fail("there is no user " + name);
    return user->pw_uid;
}

Result<std::string> drop_privileges(const std::string& name) {
    if (::geteuid() == 0) {
        const passwd* user = user_for(name);
        if (user == nullptr) return fail("there is no user " + (name.empty() ? "nobody" : name));
        if (user->pw_uid == 0) return fail("programs are not run as root: name another --user");
        if (auto done = become(*user); !done) return fail(done.error());
    }
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(system_error("giving up new privileges", errno));
    return own_name();
}

}  // namespace shoal
