#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "log/messages.h"

namespace otto {

/// The levels of syslog(3) that Otto uses.
enum class Priority { critical = 2, error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

/// "warning".
std::string_view to_string(Priority priority);

/// A native field of a journal record: {"SERVER", "http://localhost:5001"} becomes OTTO_SERVER=.
struct LogField {
    std::string_view name;  // a literal in upper case, without the prefix
    std::string value;
};

/// One record, as it was when it was logged. A plain value.
struct LogRecord {
    std::chrono::system_clock::time_point time;
    Priority priority = Priority::info;
    const MessageType* type = nullptr;  // null: not worth finding
    std::string text;
    std::vector<LogField> fields;
};

/// Whether debug lines are wanted: OTTO_DEBUG is set, SYSTEMD_LOG_LEVEL is "debug", or systemd says
/// so (DEBUG_INVOCATION).
bool log_debug_enabled();

/// Logs one record: with native fields when stderr is the journal, else as one readable line to
/// stderr, where fields follow only when debugging. Any thread. `type` may be null. Records are for
/// changes of state, never one per request. While a LogThread runs it writes, and this only queues;
/// before and after, the record is written at once, and a terminal or pipe that takes nothing for a
/// moment loses it.
void log(Priority priority, const MessageType* type, std::string_view text,
         std::vector<LogField> fields = {});

/// Hears of each record from Priority::info up, before it is written, on the log thread: it must
/// return soon, and may not log.
using LogTap = std::function<void(const LogRecord&)>;

/// Sets the one tap there is; null removes it. Once this returns the tap of before is not called
/// any more. Any thread but the log thread.
void set_log_tap(LogTap tap);

/// The assignments of a journal record ("MESSAGE=…", "PRIORITY=4", …).
std::vector<std::string> journal_record(const LogRecord& record);

/// How a line to stderr looks.
struct LineStyle {
    bool colour = false;
    bool fields = false;
};

/// "2026-11-23T10:00:00.123 warning: TEXT\n", in local time.
std::string log_line(const LogRecord& record, LineStyle style);

/// Writes a record to where the log goes, and blocks for as long as that takes. For LogThread.
void write_log_record(const LogRecord& record);

}  // namespace otto
