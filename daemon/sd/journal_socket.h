#pragma once

#include <string>
#include <string_view>

#include "base/handle.h"
#include "base/result.h"

namespace otto {

/// A way to the journal for records in numbers that never waits for journald, unlike
/// sd_journal_sendv(3): its native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL), one
/// datagram a record. Of one thread.
class JournalSocket {
  public:
    static Result<JournalSocket> open();

    /// False when the journal takes nothing for now: once fd() is writable it does again. A record
    /// is to be smaller than the socket's send buffer. After an Error another socket is needed.
    Result<bool> send(std::string_view record);
    int fd() const { return fd_.get(); }

  private:
    explicit JournalSocket(UniqueFd fd) : fd_(std::move(fd)) {}

    UniqueFd fd_;
};

/// Adds a field to a record for send(). The name is in upper case; the value may be any bytes.
void append_journal_field(std::string& record, std::string_view name, std::string_view value);

}  // namespace otto
