#include "control/port_report.h"

#include <fmt/format.h>

#include "config/port.h"
#include "log/journal.h"
#include "sd/socket_unit.h"

namespace otto::control {

namespace {

/// Where ottoctl looks.
constexpr std::string_view default_admin_socket = "/run/otto/admin.sock";

}  // namespace

void PortReport::check(const std::vector<ListenConfig>& port) {
    difference_.clear();
    commands_.clear();
    if (!listening_.from_systemd() || same_port(port, listening_.addresses())) return;
    commands_ = commands_for(port);
    std::string cure = commands_;
    if (!admin_socket_.empty())
        cure += fmt::format("; to change \"port\" instead: {} --port socket", commands_);
    difference_ = describe_difference(port, listening_.texts(), cure);
    log(Priority::warning, &messages::port_differs, difference_, {{"COMMANDS", commands_}});
}

std::string PortReport::commands_for(const std::vector<ListenConfig>& port) const {
    if (admin_socket_ == default_admin_socket) return "ottoctl apply";
    if (!admin_socket_.empty()) return fmt::format("ottoctl --socket {} apply", admin_socket_);
    return drop_in_commands(port, socket_unit_of(unit_));
}

}  // namespace otto::control
