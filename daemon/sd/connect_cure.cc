#include "sd/connect_cure.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/phrases.h"
#include "sd/socket_unit.h"

namespace otto {

namespace {

bool is_temporary(const Address& address) {
    const std::string text = address.text();
    return text.starts_with("unix:/tmp/") || text.starts_with("unix:/var/tmp/");
}

std::string unit_of(const Sandbox& sandbox) {
    return sandbox.unit.empty() ? "otto.service" : sandbox.unit;
}

}  // namespace

const Sandbox& own_sandbox() {
    static const Sandbox sandbox = [] {
        std::ifstream file("/proc/self/mountinfo");
        const std::string mounts{std::istreambuf_iterator<char>(file), {}};
        return Sandbox{.unit = own_service(), .private_tmp = has_private_tmp(mounts)};
    }();
    return sandbox;
}

bool has_private_tmp(std::string_view mountinfo) {
    // "ID PARENT MAJOR:MINOR ROOT MOUNTPOINT …", where ROOT is
    // "/tmp/systemd-private-BOOT-otto.service-RANDOM/tmp".
    while (!mountinfo.empty()) {
        const std::string_view line = mountinfo.substr(0, mountinfo.find('\n'));
        mountinfo.remove_prefix(std::min(line.size() + 1, mountinfo.size()));
        const bool temporary =
            line.find(" /tmp ") != line.npos || line.find(" /var/tmp ") != line.npos;
        if (temporary && line.find("/systemd-private-") != line.npos) return true;
    }
    return false;
}

std::string connect_failure_text(int number, const Address& address, const Sandbox& sandbox) {
    std::string text = error_text(number);
    const std::string unit = unit_of(sandbox);
    const std::string_view name = std::string_view(unit).substr(0, unit.rfind('.'));
    if (number == EACCES && !address.is_ip())
        return text + fmt::format(
                          "; name the group of the socket in SupplementaryGroups= of a "
                          "drop-in for {}, then run systemctl daemon-reload && systemctl "
                          "restart {}",
                          unit, name);
    if (number == EPERM && address.is_ip())
        return text + fmt::format("; IPAddressDeny= of {} or a firewall may block it", unit);
    if (number == ETIMEDOUT) return text + silence_cure(address, sandbox);
    if (number == ENOENT && sandbox.private_tmp && is_temporary(address))
        return text + fmt::format(
                          "; {} has its own /tmp and /var/tmp (PrivateTmp=), so put the "
                          "socket in a directory under /run",
                          unit);
    return text;
}

std::string silence_cure(const Address& address, const Sandbox& sandbox) {
    if (!address.is_ip() || address.is_loopback()) return "";
    return fmt::format("; the host may be down, or IPAddressDeny= of {} or a firewall may block it",
                       unit_of(sandbox));
}

std::string silence_cure(const Address& address) {
    return silence_cure(address, own_sandbox());
}

std::string connect_failure_text(int number, const Address& address) {
    return connect_failure_text(number, address, own_sandbox());
}

}  // namespace otto
