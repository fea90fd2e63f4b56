#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "balance/candidates.h"
#include "config/config.h"
#include "http/message.h"
#include "tls/hmac.h"

namespace otto {

/// The cookies that bring clients back to their servers: `ID.SIGNATURE`, where ID is server_key()
/// of the server's URL in 16 hexadecimal digits, and SIGNATURE the first 128 bits of the
/// HMAC-SHA-256 of `NAME=ID`, in hexadecimal too. So a client cannot choose a server, but those
/// that it was given stay valid over reloads, restarts and other orders of servers. Of one worker's
/// thread.
class StickyCookies {
  public:
    explicit StickyCookies(const tls::Secret& key) : key_(key) {}

    /// Sets the cookie and the servers that it may name, which stay alive until the next call.
    void configure(const StickyConfig& config, const std::vector<Member>& members);
    bool enabled() const { return config_.enabled; }

    /// The server that the request's cookie names; null when it brings none that is ours, or that
    /// server is no longer configured.
    Server* find(const http::RequestHead& request);
    /// The value of the Set-Cookie field that names `server` (RFC 6265 §4.1; SameSite is
    /// browsers' practice). `secure`: the client came by TLS. Empty when it is no longer
    /// configured. Valid until the next call.
    std::string_view cookie_for(const Server& server, bool secure);

  private:
    struct Entry {
        Server* server = nullptr;
        std::string value;  // of its cookie; made when it is needed first
    };

    std::string value_of(std::uint64_t id) const;

    const tls::Secret key_;
    StickyConfig config_;
    std::unordered_map<std::uint64_t, Entry> entries_;  // by server_key()
    std::string cookie_;
};

}  // namespace otto
