#include "sd/socket_unit.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>

#include <systemd/sd-bus.h>

#include "base/handle.h"

namespace otto {

namespace {

constexpr std::uint64_t patience = 1'000'000;  // µs

template <typename T, auto Unref>
struct UnrefDeleter {
    void operator()(T* handle) const { Unref(handle); }
};
using Bus = std::unique_ptr<sd_bus, UnrefDeleter<sd_bus, sd_bus_flush_close_unref>>;
using Message = std::unique_ptr<sd_bus_message, UnrefDeleter<sd_bus_message, sd_bus_message_unref>>;

}  // namespace

std::vector<std::string> socket_unit_streams(const std::string& unit) {
    sd_bus* opened = nullptr;
    if (sd_bus_open_system(&opened) < 0) return {};
    const Bus bus(opened);
    sd_bus_set_method_call_timeout(bus.get(), patience);

    char* escaped = nullptr;
    if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &escaped) < 0) return {};
    const std::unique_ptr<char, Deleter<std::free>> path(escaped);

    sd_bus_message* answer = nullptr;
    if (sd_bus_get_property(bus.get(), "org.freedesktop.systemd1", path.get(),
                            "org.freedesktop.systemd1.Socket", "Listen", nullptr, &answer,
                            "a(ss)") < 0)
        return {};
    const Message message(answer);
    std::vector<std::string> streams;
    if (sd_bus_message_enter_container(message.get(), 'a', "(ss)") < 0) return {};
    const char* type = nullptr;
    const char* address = nullptr;
    while (sd_bus_message_read(message.get(), "(ss)", &type, &address) > 0)
        if (std::string_view(type) == "Stream") streams.emplace_back(address);
    return streams;
}

std::string own_service() {
    // sd_pid_get_unit(3) looks at process 1, which ProtectProc= hides.
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        const bool of_systemd = line.starts_with("0::") || line.find(":name=systemd:") != line.npos;
        if (of_systemd && line.ends_with(".service")) return line.substr(line.rfind('/') + 1);
    }
    return "";
}

std::string socket_unit_of(const std::string& service) {
    const std::string name = service.substr(0, service.rfind('.'));
    return (name.empty() ? "otto" : name) + ".socket";
}

}  // namespace otto
