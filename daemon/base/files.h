#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/result.h"

namespace otto {

/// Reads a regular file of at most `largest` bytes. Never waits for a writer: a FIFO, a device or a
/// socket is an Error, and so is a longer file. The message does not name it.
Result<std::string> read_regular_file(const std::string& path, std::size_t largest);

/// Who owns a file that is written, and its mode.
struct FileOwner {
    mode_t mode;
    uid_t user = static_cast<uid_t>(-1);   // -1: as it comes
    gid_t group = static_cast<gid_t>(-1);  // the same
};

/// Puts `text` in the place of the file `path`: after a crash either the old or the new text is
/// there. The draft beside it is new, has a name that cannot be foreseen, and is no link, so that
/// others who may write to the folder cannot choose where the text goes.
Status write_file_atomically(const std::string& path, std::string_view text,
                             const FileOwner& owner);

/// Makes what has happened to the names in a folder durable.
Status sync_folder(const std::string& folder);

}  // namespace otto
