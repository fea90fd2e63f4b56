#include "control/admin_service.h"

#include <string_view>
#include <utility>

#include "control/listening.h"
#include "sd/state.h"

namespace otto::control {

AdminService::AdminService(const Loop& loop, Mailbox& mailbox, admin::Changes& changes,
                           AdminControl::Parts parts, AdminControl::About about)
    : loop_(loop),
      mailbox_(mailbox),
      changes_(changes),
      control_(std::move(parts), checks_, std::move(about)),
      checks_(loop, mailbox) {}

void AdminService::tap_log() {
    tap_.emplace(mailbox_, [this](const auto& record) {
        if (api_) api_->events().add(record);
    });
}

Status AdminService::open(std::vector<UniqueFd> sockets) {
    if (sockets.empty()) return {};
    auto api = admin::Api::open(loop_, control_, changes_, state_directory());
    if (!api) return api.error();
    api_ = std::move(*api);
    for (UniqueFd& socket : sockets) {
        constexpr std::string_view prefix = "unix:";
        const std::string address = Listening::address_of(socket.get()).text();
        if (address.starts_with(prefix) && unix_socket_.empty())
            unix_socket_ = address.substr(prefix.size());
        const Status listening = api_->listen(std::move(socket));
        if (!listening) return listening;
    }
    return {};
}

void AdminService::tick(TimePoint now) {
    control_.tick(now);
    if (api_) api_->events().tick(now);
}

void AdminService::close() {
    if (api_) api_->events().close();
}

}  // namespace otto::control
