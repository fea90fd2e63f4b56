#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

namespace otto {

/// The name of a user, or "user 1000" when it is not known. Reads /etc/passwd itself, which takes
/// microseconds: getpwuid(3) may ask a directory service and wait for it. Users that only such a
/// service knows keep their number. Any thread.
std::string user_name(uid_t user);

/// The same by the text of a file in the format of passwd(5).
std::string user_name_in(std::string_view passwd, uid_t user);

/// The first directory of `path` that `user` may not enter, or the file itself if the user may not
/// read it; "" when the user can read it. Also "" when that cannot be determined: unless root
/// asks, or when there is no such user or file. Takes on the user's identity for a moment, so it is
/// for processes with one thread.
std::string unreadable_part(const std::string& path, const std::string& user);

}  // namespace otto
