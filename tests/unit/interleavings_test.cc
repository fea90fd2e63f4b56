// Exchanges in virtual time, while everything around them happens in an order that follows from a
// seed.

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fakes/proxy.h"
#include "http1/chunked.h"

namespace otto {
namespace {

using namespace std::chrono_literals;
using fakes::Proxy;
using fakes::Request;

/// Clients, servers, timers, reloads and drains in an order that follows from a seed.
class Interleaving {
  public:
    explicit Interleaving(unsigned seed) : random_(seed), proxy_(3) {
        proxy_.config.timeouts = {.connect = 4s, .response = 6s, .progress = 6s};
        proxy_.config.limits.per_request_buffer = 64;
        proxy_.config.queue = {.length = 2, .timeout = 5s};
        for (Member& member : proxy_.members)
            if (below(2) == 0) member.max_connections = 1 + static_cast<unsigned>(below(2));
        for (const Member& member : proxy_.members) all_.push_back(member);
        proxy_.publish();
    }

    void run(int steps) {
        for (int step = 0; step < steps; ++step) {
            act();
            check();
        }
        for (const auto& request : requests_)
            if (running(*request)) leave(*request);
        proxy_.turn();
        check();
        EXPECT_EQ(proxy_.over, proxy_.begun);
        EXPECT_EQ(leased(), 0u);
        EXPECT_EQ(proxy_.ledger.counters().queued, 0u);
        EXPECT_EQ(proxy_.ledger.counters().requests, requests_.size());
        proxy_.upstreams->drain();
        proxy_.turn();
        for (const Member& member : all_)
            EXPECT_EQ(member.server->connections->count(), 0u) << "idle connections are closed";
    }

  private:
    static bool running(const Request& request) {
        return !request.client->body_left && !request.client->aborted && !gone(request);
    }
    static bool gone(const Request& request) { return request.client->broken; }
    static void leave(Request& request) {
        request.client->broken = true;
        request.client->observer->on_client_gone();
    }
    std::size_t below(std::size_t end) { return random_() % end; }

    void act() {
        switch (below(8)) {
            case 0:
                if (requests_.size() < 40) begin();
                return;
            case 1:
            case 2:
                if (auto* request = some(); request != nullptr)
                    proxy_.arrive(*request, 1 + below(40));
                return;
            case 3:
            case 4:
            case 5:
                serve();
                return;
            case 6:
                proxy_.pass(std::chrono::milliseconds(1 + below(3000)));
                return;
            case 7:
                if (below(2) == 0) {
                    configure();
                } else if (auto* request = some(); request != nullptr && below(3) == 0) {
                    leave(*request);
                }
                return;
        }
    }

    /// Reloads, drains, and what health checks do.
    void configure() {
        const std::size_t which = below(all_.size());
        auto& members = proxy_.members;
        const auto found = std::ranges::find_if(
            members, [&](const Member& member) { return member.server == all_[which].server; });
        switch (below(6)) {
            case 0:  // nothing has changed
                break;
            case 1:  // the server is removed, or comes back
                if (found != members.end()) {
                    members.erase(found);
                } else {
                    members.push_back(all_[which]);
                }
                break;
            case 2:  // it is set to drain, or to active
            case 3:
                if (found == members.end()) return;
                found->state =
                    found->state == ServerState::active ? ServerState::drain : ServerState::active;
                break;
            case 4:  // a check finds it healthy, or unhealthy
                all_[which].server->set_health(below(3) == 0 ? Health::unhealthy : Health::healthy);
                break;
            case 5:  // the worker drains
                if (below(8) == 0) proxy_.upstreams->drain();
                return;
        }
        proxy_.publish();
        at_rest_.clear();
        for (const Member& member : all_) {
            const bool receives = std::ranges::any_of(members, [&](const Member& each) {
                return each.server == member.server && each.state == ServerState::active;
            });
            if (!receives) at_rest_.push_back({member.server.get(), member.server->active()});
        }
    }

    /// Requests in progress, at servers that have been removed, too.
    std::size_t leased() const {
        std::size_t sum = 0;
        for (const Member& member : all_) sum += member.server->active();
        return sum;
    }

    void begin() {
        std::string text = "PUT /" + std::to_string(requests_.size()) + " HTTP/1.1\r\nHost: a\r\n";
        const std::string body(1 + below(100), 'x');
        if (below(2) == 0) {
            text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        } else {
            text += "Transfer-Encoding: chunked\r\n\r\n";
            text += std::string(http1::ChunkHeader(body.size()).text()) + body + "\r\n0\r\n\r\n";
        }
        requests_.push_back(std::make_unique<Request>(std::move(text)));
        proxy_.begin(*requests_.back());
    }

    Request* some() {
        if (requests_.empty()) return nullptr;
        Request& request = *requests_[below(requests_.size())];
        return running(request) ? &request : nullptr;
    }

    void serve() {
        fakes::Server& server = *proxy_.servers[below(proxy_.servers.size())];
        const std::size_t connections = server.accept();
        if (connections == 0) return;
        const std::size_t one = below(connections);
        if (server.closed(one)) return;
        constexpr const char* says[] = {
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\n\r\n",
            "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "lo",
            "garbage\r\n\r\n"};
        const std::size_t what = below(std::size(says) + 1);
        if (what == std::size(says)) {
            server.end(one);
        } else {
            server.say(says[what], one);
        }
        proxy_.turn();
    }

    /// What must hold after each step.
    void check() {
        std::size_t open = 0;
        for (const auto& request : requests_) {
            const fakes::Client& client = *request->client;
            if (running(*request)) ++open;
            EXPECT_FALSE(client.body_left && client.aborted) << "it ends once";
            EXPECT_TRUE(!client.body_left || client.tunnel || client.complete);
            EXPECT_LE(client.consumed(), request->bytes.size());
        }
        EXPECT_EQ(proxy_.begun - proxy_.over, open);
        EXPECT_EQ(proxy_.exchanges ? proxy_.exchanges->in_progress() : 0, open);
        EXPECT_LE(leased() + proxy_.ledger.counters().queued, open);
        for (auto& [server, active] : at_rest_) {
            EXPECT_LE(server->active(), active) << "a server that drains receives no request";
            active = server->active();
        }
        for (const Member& member : all_)
            EXPECT_TRUE(member.max_connections == 0 ||
                        member.server->active() <= member.max_connections);
    }

    std::minstd_rand random_;
    Proxy proxy_;
    std::vector<Member> all_;  // those that were removed, too
    std::vector<std::pair<const Server*, std::uint32_t>>
        at_rest_;  // that drain, and their requests
    std::vector<std::unique_ptr<Request>> requests_;
};

TEST(Interleavings, KeepTheirInvariants) {
    const char* wanted = std::getenv("OTTO_INTERLEAVINGS");
    const unsigned long seeds = wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 100;
    for (unsigned seed = 1; seed <= seeds && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Interleaving(seed).run(300);
    }
}

}  // namespace
}  // namespace otto
