#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "sd/messages.h"

namespace otto {

/// The levels of syslog(3) that Otto uses.
enum class Priority { critical = 2, error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

/// A native field of a journal record: {"SERVER", "http://localhost:5001"} becomes OTTO_SERVER=.
struct LogField {
    std::string_view name;  // upper case, without the prefix
    std::string value;
};

/// Whether debug lines are wanted: OTTO_DEBUG is set, SYSTEMD_LOG_LEVEL is "debug", or systemd says
/// so (DEBUG_INVOCATION).
bool log_debug_enabled();

/// Writes one record: with native fields when stderr is the journal, else as one readable line to
/// stderr, where fields follow only when debugging. Any thread. `type` may be null. Records are for
/// changes of state, never one per request: the journal is written to synchronously. A terminal or
/// pipe that takes nothing for a moment loses the line instead.
void log(Priority priority, const MessageType* type, std::string_view text,
         std::vector<LogField> fields = {});

/// The assignments of a journal record ("MESSAGE=…", "PRIORITY=4", …).
std::vector<std::string> journal_record(Priority priority, const MessageType* type,
                                        std::string_view text, const std::vector<LogField>& fields);

/// How a line to stderr looks.
struct LineStyle {
    bool colour = false;
    bool fields = false;
};

/// "2026-11-23T10:00:00.123 warning: TEXT\n", in local time.
std::string log_line(std::chrono::system_clock::time_point time, Priority priority,
                     std::string_view text, const std::vector<LogField>& fields, LineStyle style);

}  // namespace otto
