#include "log/journal.h"

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <utility>

#include <fmt/core.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// The lines of this file are of no use to whoever reads the journal.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "log/log_thread.h"

namespace otto {
namespace {

constexpr int stderr_patience_ms = 100;
/// A record that is written so much later says when it was logged.
constexpr std::chrono::seconds lateness_told{1};

bool stderr_is_journal() {
    const char* const stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

bool read_debug_environment() {
    const char* const level = std::getenv("SYSTEMD_LOG_LEVEL");
    const bool by_level =
        level != nullptr && (std::string_view(level) == "debug" || std::string_view(level) == "7");
    return by_level || std::getenv("OTTO_DEBUG") != nullptr ||
           std::getenv("DEBUG_INVOCATION") != nullptr;
}

std::string_view level_colour(Priority priority) {
    switch (priority) {
        case Priority::critical:
        case Priority::error:
            return "\033[1;31m";
        case Priority::warning:
            return "\033[1;33m";
        case Priority::notice:
            return "\033[1m";
        case Priority::info:
            return "\033[32m";
        case Priority::debug:
            return "\033[2m";
    }
    return "";
}

bool to_journal() {
    static const bool answer = stderr_is_journal();
    return answer;
}

/// Otherwise the record would seem to be of the time when the journal took it.
bool late(const LogRecord& record) {
    return std::chrono::system_clock::now() - record.time >= lateness_told;
}

std::string utc_text(std::chrono::system_clock::time_point time) {
    const std::time_t clock = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    gmtime_r(&clock, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                       utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

void write_journal(const LogRecord& record) {
    std::vector<std::string> lines = journal_record(record);
    if (late(record)) lines.push_back("OTTO_LOGGED_AT=" + utc_text(record.time));
    std::vector<iovec> parts;
    parts.reserve(lines.size());
    for (std::string& line : lines) parts.push_back({line.data(), line.size()});
    static_cast<void>(sd_journal_sendv(parts.data(), static_cast<int>(parts.size())));
}

/// In one write, so that lines of several threads do not mix; more only when that took a part.
/// `patience` in milliseconds, -1: no end to it.
void write_stderr(std::string_view line, int patience) {
    while (!line.empty()) {
        pollfd ready{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
        if (poll(&ready, 1, patience) <= 0) return;
        const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
        if (written < 0 && errno != EAGAIN && errno != EINTR) return;
        if (written > 0) line.remove_prefix(static_cast<std::size_t>(written));
    }
}

void write_record(const LogRecord& record, int patience) {
    if (to_journal()) {
        write_journal(record);
        return;
    }
    static const bool colour = isatty(STDERR_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    write_stderr(log_line(record, {.colour = colour, .fields = log_debug_enabled()}), patience);
}

}  // namespace

std::string_view to_string(Priority priority) {
    switch (priority) {
        case Priority::critical:
            return "critical";
        case Priority::error:
            return "error";
        case Priority::warning:
            return "warning";
        case Priority::notice:
            return "notice";
        case Priority::info:
            return "info";
        case Priority::debug:
            return "debug";
    }
    return "info";
}

bool log_debug_enabled() {
    static const bool enabled = read_debug_environment();
    return enabled;
}

std::vector<std::string> journal_record(const LogRecord& record) {
    std::vector<std::string> lines;
    lines.reserve(record.fields.size() + 3);
    lines.push_back(fmt::format("MESSAGE={}", record.text));
    lines.push_back(fmt::format("PRIORITY={}", static_cast<int>(record.priority)));
    if (record.type != nullptr) lines.push_back(fmt::format("MESSAGE_ID={}", record.type->id));
    for (const LogField& field : record.fields) {
        lines.push_back(fmt::format("OTTO_{}={}", field.name, field.value));
    }
    return lines;
}

std::string log_line(const LogRecord& record, LineStyle style) {
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(record.time);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(record.time);
    const std::time_t clock = std::chrono::system_clock::to_time_t(seconds);
    std::tm local{};
    localtime_r(&clock, &local);

    std::string line = fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03} ", local.tm_year + 1900, local.tm_mon + 1,
        local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, (milliseconds - seconds).count());
    line += style.colour ? fmt::format("{}{}:\033[0m ", level_colour(record.priority),
                                       to_string(record.priority))
                         : fmt::format("{}: ", to_string(record.priority));
    line += record.text;
    if (style.fields) {
        for (const LogField& field : record.fields) {
            line += fmt::format(" OTTO_{}={}", field.name, field.value);
        }
    }
    line += '\n';
    return line;
}

void write_log_record(const LogRecord& record) {
    write_record(record, -1);
}

void log(Priority priority, const MessageType* type, std::string_view text,
         std::vector<LogField> fields) {
    if (priority == Priority::debug && !log_debug_enabled()) return;
    LogRecord record{.time = std::chrono::system_clock::now(),
                     .priority = priority,
                     .type = type,
                     .text = std::string(text),
                     .fields = std::move(fields)};
    if (!LogThread::take(std::move(record))) write_record(record, stderr_patience_ms);
}

}  // namespace otto
