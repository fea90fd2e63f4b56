#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"

namespace otto::accesslog {

/// What the access log is written to: a file, a FIFO, the standard output, or the journal. Nothing
/// here waits for a reader: a write that cannot go on says so, and goes on once fd() is writable.
/// Of one thread.
class Target {
  public:
    /// `target` is AccessLogConfig::target and not "off". A file is made when it is not there, with
    /// mode 0640; a FIFO needs a reader. The Error's message is the reason alone.
    /// With `own_file` a path must lead to a regular file of this process's user with no other
    /// name, and not by a symbolic link.
    static Result<std::unique_ptr<Target>> open(const std::string& target, bool own_file = false);

    virtual ~Target() = default;

    /// Writes what it can of `records`, which are whole, and removes that from them. False when
    /// some is left, since no more is taken for now. After an Error another target is needed.
    virtual Result<bool> write(std::string& records) = 0;
    virtual int fd() const = 0;
    /// Bytes that are worth a call of write(); 1: each record is written by itself.
    virtual std::size_t batch() const { return largest_batch; }
    /// The file has no name any more, so nobody will read it.
    virtual bool removed() const { return false; }
    /// What write() left begins within a record, whose beginning is written.
    virtual bool begun() const { return false; }

    static constexpr std::size_t largest_batch = std::size_t{64} * 1024;
};

}  // namespace otto::accesslog
