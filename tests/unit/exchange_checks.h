#pragma once

#include <gtest/gtest.h>

#include "fakes/proxy.h"

namespace otto {

// What tests of exchanges have in common.

inline constexpr const char* get = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
inline constexpr const char* post = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
inline constexpr const char* hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// The one that got the request.
inline fakes::Server& asked(fakes::Proxy& proxy) {
    for (const auto& server : proxy.servers)
        if (server->accept() > 0) return *server;
    ADD_FAILURE() << "no server was asked";
    return *proxy.servers.front();
}
inline fakes::Server& other(fakes::Proxy& proxy, const fakes::Server& one) {
    return proxy.servers[0].get() == &one ? *proxy.servers[1] : *proxy.servers[0];
}

inline void expect_over(const fakes::Proxy& proxy, const fakes::Request& request, unsigned status) {
    EXPECT_EQ(request.client->status, status);
    EXPECT_TRUE(request.client->complete);
    EXPECT_TRUE(request.client->body_left.has_value());
    EXPECT_EQ(proxy.over, proxy.begun);
    EXPECT_EQ(proxy.leased(), 0u);
}
inline void expect_cut(const fakes::Proxy& proxy, const fakes::Request& request, http::Abort how) {
    EXPECT_EQ(request.client->aborted, how);
    EXPECT_FALSE(request.client->complete);
    EXPECT_EQ(proxy.over, proxy.begun);
    EXPECT_EQ(proxy.leased(), 0u);
}

}  // namespace otto
