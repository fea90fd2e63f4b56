#include "base/users.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include "base/files.h"
#include "base/handle.h"

namespace otto {

namespace {

/// The parts of a passwd(5) line up to the user's number: name, password, number.
std::array<std::string_view, 3> first_parts(std::string_view line) {
    std::array<std::string_view, 3> parts;
    for (std::string_view& part : parts) {
        part = line.substr(0, line.find(':'));
        line.remove_prefix(std::min(part.size() + 1, line.size()));
    }
    return parts;
}

/// The identity of another user, until the end of the scope.
class Disguise {
  public:
    explicit Disguise(const passwd& user) {
        before_.resize(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
        const int count = ::getgroups(static_cast<int>(before_.size()), before_.data());
        ok_ = count >= 0 && ::initgroups(user.pw_name, user.pw_gid) == 0 &&
              ::setegid(user.pw_gid) == 0 && ::seteuid(user.pw_uid) == 0;
    }
    Disguise(const Disguise&) = delete;
    Disguise& operator=(const Disguise&) = delete;
    ~Disguise() {
        if (::seteuid(0) != 0 || ::setegid(group_) != 0 ||
            ::setgroups(before_.size(), before_.data()) != 0)
            std::abort();
    }

    bool ok() const { return ok_; }

  private:
    const gid_t group_ = ::getegid();
    std::vector<gid_t> before_;
    bool ok_ = false;
};

bool denies(const std::string& path, int mode) {
    return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) != 0 && errno == EACCES;
}

}  // namespace

std::string user_name(uid_t user) {
    constexpr std::size_t largest = 1 << 20;
    const auto file = read_regular_file("/etc/passwd", largest);
    return user_name_in(file ? std::string_view(*file) : std::string_view(), user);
}

std::string user_name_in(std::string_view passwd, uid_t user) {
    const std::string number = std::to_string(user);
    while (!passwd.empty()) {
        const std::string_view line = passwd.substr(0, passwd.find('\n'));
        passwd.remove_prefix(std::min(line.size() + 1, passwd.size()));
        const auto [name, password, id] = first_parts(line);
        if (id == number && !name.empty()) return std::string(name);
    }
    return "user " + number;
}

std::string unreadable_part(const std::string& path, const std::string& user) {
    if (::geteuid() != 0) return "";
    const passwd* known = ::getpwnam(user.c_str());
    const std::unique_ptr<char, Deleter<std::free>> whole(::realpath(path.c_str(), nullptr));
    if (known == nullptr || !whole) return "";
    const std::string file = whole.get();
    const Disguise disguise(*known);
    if (!disguise.ok()) return "";
    for (std::size_t end = file.find('/', 1); end != file.npos; end = file.find('/', end + 1)) {
        const std::string directory = file.substr(0, end);
        if (denies(directory, X_OK)) return directory;
    }
    return denies(file, R_OK) ? file : "";
}

}  // namespace otto
