#pragma once

#include <optional>
#include <utility>

#include "balance/server.h"

namespace otto {

/// A request's place at a server: counts as under way there until it is destroyed. The server must
/// live at least as long, which is the holder's affair (an exchange pins the candidates that it
/// picked from). Any thread.
class Lease {
  public:
    /// None when the server already has `most` requests under way (0: no limit).
    static std::optional<Lease> take(Server& server, unsigned most) {
        if (!server.enter(most)) return std::nullopt;
        return Lease(server);
    }

    Lease(Lease&& other) noexcept : server_(std::exchange(other.server_, nullptr)) {}
    Lease& operator=(Lease&& other) noexcept {
        std::swap(server_, other.server_);
        return *this;
    }
    ~Lease() {
        if (server_ != nullptr) server_->leave();
    }

  private:
    explicit Lease(Server& server) : server_(&server) {}

    Server* server_;
};

}  // namespace otto
