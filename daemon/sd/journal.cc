#include "sd/journal.h"

#include <cstdlib>
#include <ctime>

#include <fmt/core.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// The lines of this file are of no use to whoever reads the journal.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

namespace otto {
namespace {

constexpr int stderr_patience_ms = 100;

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

std::string_view level_name(Priority priority) {
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

// One write, so that lines of several threads do not mix.
void write_stderr(const std::string& line) {
    pollfd ready{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    if (poll(&ready, 1, stderr_patience_ms) <= 0) return;
    static_cast<void>(!write(STDERR_FILENO, line.data(), line.size()));
}

}  // namespace

bool log_debug_enabled() {
    static const bool enabled = read_debug_environment();
    return enabled;
}

std::vector<std::string> journal_record(Priority priority, const MessageType* type,
                                        std::string_view text,
                                        const std::vector<LogField>& fields) {
    std::vector<std::string> record;
    record.reserve(fields.size() + 3);
    record.push_back(fmt::format("MESSAGE={}", text));
    record.push_back(fmt::format("PRIORITY={}", static_cast<int>(priority)));
    if (type != nullptr) record.push_back(fmt::format("MESSAGE_ID={}", type->id));
    for (const LogField& field : fields) {
        record.push_back(fmt::format("OTTO_{}={}", field.name, field.value));
    }
    return record;
}

std::string log_line(std::chrono::system_clock::time_point time, Priority priority,
                     std::string_view text, const std::vector<LogField>& fields, LineStyle style) {
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const std::time_t clock = std::chrono::system_clock::to_time_t(seconds);
    std::tm local{};
    localtime_r(&clock, &local);

    std::string line = fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03} ", local.tm_year + 1900, local.tm_mon + 1,
        local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, (milliseconds - seconds).count());
    line += style.colour
                ? fmt::format("{}{}:\033[0m ", level_colour(priority), level_name(priority))
                : fmt::format("{}: ", level_name(priority));
    line += text;
    if (style.fields) {
        for (const LogField& field : fields) {
            line += fmt::format(" OTTO_{}={}", field.name, field.value);
        }
    }
    line += '\n';
    return line;
}

void log(Priority priority, const MessageType* type, std::string_view text,
         std::vector<LogField> fields) {
    if (priority == Priority::debug && !log_debug_enabled()) return;

    static const bool to_journal = stderr_is_journal();
    if (to_journal) {
        std::vector<std::string> record = journal_record(priority, type, text, fields);
        std::vector<iovec> parts;
        parts.reserve(record.size());
        for (std::string& part : record) parts.push_back({part.data(), part.size()});
        static_cast<void>(sd_journal_sendv(parts.data(), static_cast<int>(parts.size())));
        return;
    }
    static const bool colour = isatty(STDERR_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
    write_stderr(log_line(std::chrono::system_clock::now(), priority, text, fields,
                          {.colour = colour, .fields = log_debug_enabled()}));
}

}  // namespace otto
