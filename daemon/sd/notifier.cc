#include "sd/notifier.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <fmt/core.h>
#include <systemd/sd-daemon.h>

namespace otto {
namespace {

using std::chrono::microseconds;

void send(const std::string& message) {
    static_cast<void>(sd_notify(0, message.c_str()));
}

// A line break would start another assignment.
std::string one_line(std::string_view text) {
    std::string line(text);
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
}

}  // namespace

Notifier Notifier::from_environment() {
    const char* const socket = std::getenv("NOTIFY_SOCKET");
    const bool active = socket != nullptr && *socket != '\0';
    std::uint64_t interval = 0;
    const bool watched = sd_watchdog_enabled(1, &interval) > 0;
    if (!active || !watched) return {active, std::nullopt};
    return {active, microseconds(interval)};
}

void Notifier::ready(std::string_view status) {
    if (active_) send(fmt::format("READY=1\nSTATUS={}", one_line(status)));
}

void Notifier::reloading() {
    if (!active_) return;
    const auto since_boot = std::chrono::floor<microseconds>(now().time_since_epoch());
    send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", since_boot.count()));
}

void Notifier::stopping(std::string_view status) {
    if (active_) send(fmt::format("STOPPING=1\nSTATUS={}", one_line(status)));
}

void Notifier::status(std::string_view status) {
    if (active_) send(fmt::format("STATUS={}", one_line(status)));
}

void Notifier::watchdog() {
    if (active_) send("WATCHDOG=1");
}

void Notifier::extend_timeout(Duration duration) {
    if (!active_) return;
    const auto longer = std::chrono::ceil<microseconds>(duration);
    send(fmt::format("EXTEND_TIMEOUT_USEC={}", longer.count()));
}

}  // namespace otto
