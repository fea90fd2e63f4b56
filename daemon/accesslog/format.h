#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "accesslog/log_text.h"
#include "accesslog/record.h"

namespace otto::accesslog {

/// How the access log spells a request, in three ways. Whatever a client sends stays within its
/// value: no byte of it ends a line, a string or a field. Of the thread that writes the log, whose
/// buffers it appends to.
class Format {
  public:
    /// What the monotonic clock's times are by the calendar; to be called now and then.
    void set_clock(TimePoint now, std::chrono::system_clock::time_point wall);

    /// One line with a JSON object (RFC 8259). Bytes that are not UTF-8 become U+FFFD.
    void append_json(std::string& out, const Record& record);
    /// One line in NCSA's combined log format: quotes, backslashes and all that is not printable
    /// ASCII as \xHH, the time in local time. A client that went away before it was answered has
    /// status 499.
    void append_combined(std::string& out, const Record& record);
    /// The fields of one record in the journal's native protocol: OTTO_ and the names of the JSON
    /// object in upper case, and a line for people.
    void append_journal(std::string& out, const Record& record);

  private:
    /// A second spelt out, since most requests fall into the same one as the request before.
    struct Second {
        long long number = -1;
        std::string text;
    };

    long long microseconds_of(const Record& record) const;
    void put_utc(const Record& record);

    std::chrono::nanoseconds to_wall_{};  // what to add to a TimePoint for the time since 1970
    Second utc_;
    Second local_;
    LogText line_;
};

}  // namespace otto::accesslog
