#include "sd/socket_unit.h"

#include <cstdint>
#include <cstdlib>
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

}  // namespace otto
