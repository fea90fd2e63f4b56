// Exchanges are used again, and what is kept of them is bounded.

#include "proxy/exchange_pool.h"

#include <gtest/gtest.h>

#include "fakes/proxy.h"

namespace otto {
namespace {

using fakes::Proxy;
using fakes::Request;

constexpr const char* get = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr const char* hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// The request ends in a call of its attempt.
void serve(Proxy& proxy) {
    Request request(get);
    proxy.begin(request);
    const std::size_t last = proxy.servers[0]->accept() - 1;
    proxy.servers[0]->hear(last);
    proxy.servers[0]->say(hello, last);
    proxy.turn();
    EXPECT_EQ(request.client->status, 200u);
    EXPECT_EQ(proxy.exchanges->in_progress(), 0u);
}

TEST(ExchangePool, UsesTheLastOneAgain) {
    Proxy proxy(1);
    proxy.publish();
    Exchange& first = proxy.exchanges->take();
    Exchange& second = proxy.exchanges->take();
    EXPECT_EQ(proxy.exchanges->in_progress(), 2u);
    proxy.exchanges->give(first);
    EXPECT_EQ(second.place(), 0u);
    EXPECT_EQ(proxy.exchanges->spare_bytes(), first.bytes());
    EXPECT_EQ(&proxy.exchanges->take(), &first);
    EXPECT_EQ(proxy.exchanges->spare_bytes(), 0u);
}

TEST(ExchangePool, KeepsOneForMany) {
    Proxy proxy(1);
    serve(proxy);
    const std::size_t bytes = proxy.exchanges->spare_bytes();
    EXPECT_GE(bytes, sizeof(Exchange));
    for (int i = 0; i < 10; ++i) serve(proxy);
    EXPECT_EQ(proxy.exchanges->spare_bytes(), bytes);
}

TEST(ExchangePool, KeepsNoMoreThanItsBound) {
    Proxy proxy(1);
    proxy.publish();
    const std::size_t most = 3 * Exchange(*proxy.context).bytes();
    ExchangePool pool(*proxy.context, most);
    std::vector<Exchange*> taken;
    for (int i = 0; i < 10; ++i) taken.push_back(&pool.take());
    for (Exchange* each : taken) pool.give(*each);
    EXPECT_EQ(pool.in_progress(), 0u);
    EXPECT_EQ(pool.spare_bytes(), most);
    for (const Exchange* each : taken) EXPECT_GT(each->bytes(), 0u) << "none is destroyed at once";
    proxy.turn();
    EXPECT_EQ(pool.spare_bytes(), most);
}

TEST(ExchangePool, OneThatIsNotKeptEndsAsWell) {
    Proxy proxy(1);
    proxy.most_spare_bytes = 0;
    serve(proxy);
    serve(proxy);
    EXPECT_EQ(proxy.exchanges->spare_bytes(), 0u);
}

TEST(ExchangePool, OneThatGrewLargeIsNotKept) {
    Proxy proxy(128);
    for (const auto& server : proxy.servers) server->stop();
    Request request(get);
    proxy.begin(request);
    proxy.turn(200);
    proxy.pass(std::chrono::seconds(11));
    EXPECT_EQ(request.client->status, 502u);
    EXPECT_EQ(proxy.over, 1u);
    EXPECT_EQ(proxy.exchanges->spare_bytes(), 0u);
}

}  // namespace
}  // namespace otto
