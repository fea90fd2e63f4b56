// Exchanges and attempts in virtual time, in front of servers that do what the tests say: the
// tables of faults, of phases and their timers, and of retries in daemon/HACKING.md, row by row.

#include "proxy/exchange.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "exchange_checks.h"
#include "fakes/network.h"
#include "proxy/guards.h"
#include "proxy/phase.h"

namespace otto {
namespace {

using namespace std::chrono_literals;
using fakes::Proxy;
using fakes::Request;
using http::Abort;

TEST(Exchange, RelaysAReply) {
    Proxy proxy;
    Request request(get);
    proxy.begin(request);
    fakes::Server& server = asked(proxy);
    EXPECT_TRUE(server.hear().starts_with("GET /x HTTP/1.1\r\n"));
    EXPECT_EQ(proxy.leased(), 1u);
    server.say(hello);
    proxy.turn();
    expect_over(proxy, request, 200);
    EXPECT_EQ(request.client->payload, "hello");
    EXPECT_FALSE(request.client->last);
    EXPECT_FALSE(*request.client->body_left);
    EXPECT_EQ(proxy.ledger.counters().requests, 1u);
    EXPECT_EQ(proxy.ledger.counters().replies[2], 1u);
}

// ---- faults of servers -------------------------------------------------------------------------

TEST(Faults, ARefusalIsFreeAndTakesTheServerOut) {
    Proxy proxy;
    proxy.config.retries = {.attempts = 1, .budget_percent = 0, .budget_min_per_second = 0};
    proxy.servers[0]->stop();
    Request request(post);  // the method does not matter
    proxy.begin(request);
    ASSERT_EQ(proxy.servers[1]->accept(), 1u);
    EXPECT_EQ(proxy.members[0].server->health(), Health::unhealthy);
    EXPECT_EQ(proxy.reported, std::vector<std::string>{"out"});
    proxy.servers[1]->say(hello);
    proxy.turn();
    expect_over(proxy, request, 200);
}

TEST(Faults, AllRefuse) {
    Proxy proxy;
    for (const auto& server : proxy.servers) server->stop();
    Request request(get);
    proxy.begin(request);
    EXPECT_EQ(request.client->status, 0u) << "other candidates may be on their way";
    proxy.pass(11s);
    expect_over(proxy, request, 502);
}

TEST(Faults, NoConnectionInTime) {
    Proxy proxy(1, 0);
    proxy.config.retries.attempts = 1;
    proxy.config.timeouts.connect = 4s;
    Request request(get);
    proxy.publish();
    proxy.servers[0]->fill_backlog();
    proxy.start(request);
    for (int i = 0; i < 39; ++i) {
        proxy.clock.advance(100ms);
        event_base_loop(proxy.loop.base(), EVLOOP_NONBLOCK);
    }
    EXPECT_EQ(request.client->status, 0u);
    for (int i = 0; i < 3; ++i) {
        proxy.clock.advance(100ms);
        event_base_loop(proxy.loop.base(), EVLOOP_NONBLOCK);
    }
    expect_over(proxy, request, 504);
    EXPECT_EQ(proxy.members[0].server->health(), Health::healthy) << "three in a row take it out";
}

TEST(Faults, CannotBeReached) {
    using When = fakes::BrokenNetwork::When;
    for (const When when : {When::at_once, When::later}) {
        const fakes::BrokenNetwork network(EHOSTUNREACH, when);
        Proxy proxy;
        proxy.config.retries = {.attempts = 1, .budget_percent = 0, .budget_min_per_second = 0};
        auto& far = proxy.members[0].server;
        far = std::make_shared<Server>("http://far", "far", "",
                                       std::vector<Address>(3, *Address::from_ip("192.0.2.1", 80)));
        far->set_health(Health::healthy);
        for (int tries = 1; tries <= 3; ++tries) {
            EXPECT_EQ(far->health(), Health::healthy) << "three in a row take it out";
            for (int i = 0; i < 2; ++i) {  // one of them begins with each server
                Request request(post);
                proxy.begin(request);
                const std::size_t last = proxy.servers[1]->accept() - 1;
                proxy.servers[1]->say(hello, last);
                proxy.turn();
                expect_over(proxy, request, 200);
            }
        }
        EXPECT_EQ(far->health(), Health::unhealthy);
        EXPECT_EQ(proxy.ledger.counters().retries, 3u) << "free of the budget";
    }
}

TEST(Faults, NoServerCanBeReached) {
    const fakes::BrokenNetwork network(ENETUNREACH, fakes::BrokenNetwork::When::later);
    Proxy proxy(1);
    proxy.members[0].server = std::make_shared<Server>(
        "http://far", "far", "", std::vector<Address>{*Address::from_ip("192.0.2.1", 80)});
    proxy.members[0].server->set_health(Health::healthy);
    Request request(get);
    proxy.begin(request);
    expect_over(proxy, request, 502);
}

TEST(Faults, TheKernelGivesUpConnecting) {
    const fakes::BrokenNetwork network(ETIMEDOUT, fakes::BrokenNetwork::When::later);
    Proxy proxy(1);
    proxy.members[0].server = std::make_shared<Server>(
        "http://far", "far", "", std::vector<Address>{*Address::from_ip("192.0.2.1", 80)});
    proxy.members[0].server->set_health(Health::healthy);
    Request request(get);
    proxy.begin(request);
    expect_over(proxy, request, 504);
}

TEST(Faults, OttoLacksDescriptors) {
    const fakes::BrokenNetwork network(EMFILE, fakes::BrokenNetwork::When::at_once);
    Proxy proxy(1);
    proxy.members[0].server = std::make_shared<Server>(
        "http://far", "far", "", std::vector<Address>{*Address::from_ip("192.0.2.1", 80)});
    proxy.members[0].server->set_health(Health::healthy);
    proxy.publish();
    int asked_for = 0;
    proxy.upstreams->on_shortage([&asked_for] { return ++asked_for == 1; });
    Request request(get);
    proxy.begin(request);
    expect_over(proxy, request, 503);
    EXPECT_EQ(asked_for, 1);
    EXPECT_EQ(proxy.members[0].server->health(), Health::healthy) << "that says nothing about it";
}

TEST(Faults, AHeadThatComesSlowly) {
    Proxy proxy;
    proxy.config.timeouts.response = 6s;
    Request patient(get);
    proxy.begin(patient);
    fakes::Server& first = asked(proxy);
    first.hear();
    for (const char* piece :
         {"HTTP/1.1 200 OK\r\nCon", "tent-Length: 5\r\n", "\r", "\nhe", "llo"}) {
        first.say(piece);
        proxy.pass(1s);
    }
    expect_over(proxy, patient, 200);
    EXPECT_EQ(patient.client->payload, "hello");

    Request request(get);
    proxy.begin(request);
    fakes::Server& second = other(proxy, first);
    ASSERT_EQ(second.accept(), 1u);
    second.hear();
    for (const char* piece : {"HTTP/1.1 200 OK\r\n", "A: b\r\n", "A: b\r\n"}) {
        second.say(piece);
        proxy.pass(1900ms);
    }
    EXPECT_EQ(request.client->status, 0u);
    EXPECT_EQ(proxy.ledger.counters().retries, 0u);
    second.say("A: b\r\n");
    proxy.pass(1s);
    EXPECT_EQ(proxy.ledger.counters().retries, 1u) << "a piece of a head is no progress";
    EXPECT_TRUE(second.closed());
}

TEST(Faults, ClosesBeforeTheHead) {
    for (const std::string part : {"", "HTTP/1.1 200 OK\r\nContent-"}) {
        Proxy proxy;
        Request request(get);
        proxy.begin(request);
        fakes::Server& first = asked(proxy);
        first.hear();
        first.say(part);
        first.end();
        proxy.turn();
        fakes::Server& second = other(proxy, first);
        ASSERT_EQ(second.accept(), 1u) << "idempotent: another server";
        second.say(hello);
        proxy.turn();
        expect_over(proxy, request, 200);
        EXPECT_EQ(proxy.ledger.counters().retries, 1u);
    }
}

TEST(Faults, ClosesBeforeTheHeadOfAPost) {
    Proxy proxy;
    Request request(post);
    proxy.begin(request);
    fakes::Server& first = asked(proxy);
    first.hear();
    first.end();
    proxy.turn();
    expect_over(proxy, request, 502);
    EXPECT_EQ(other(proxy, first).accept(), 0u);
}

TEST(Faults, ClosesAPooledConnection) {
    Proxy proxy(1);
    proxy.config.retries = {.attempts = 1, .budget_percent = 0, .budget_min_per_second = 0};
    Request one(get);
    proxy.begin(one);
    proxy.servers[0]->hear();
    proxy.servers[0]->say(hello);
    proxy.turn();
    Request two(get);
    proxy.begin(two);
    ASSERT_EQ(proxy.servers[0]->accept(), 1u) << "the connection is used again";
    proxy.servers[0]->hear();
    proxy.servers[0]->end();
    proxy.turn();
    ASSERT_EQ(proxy.servers[0]->accept(), 2u) << "the same server, on a new connection";
    proxy.servers[0]->hear(1);
    proxy.servers[0]->say(hello, 1);
    proxy.turn();
    expect_over(proxy, two, 200);
    EXPECT_EQ(proxy.ledger.counters().retries, 1u);
}

TEST(Faults, NoResponseInTime) {
    Proxy proxy;
    proxy.config.timeouts.response = 6s;
    Request request(get);
    proxy.begin(request);
    fakes::Server& first = asked(proxy);
    first.say("HTTP/1.1 100 Continue\r\n\r\n");  // an interim response is none
    proxy.pass(5s);
    EXPECT_EQ(other(proxy, first).accept(), 0u);
    proxy.pass(2s);
    ASSERT_EQ(other(proxy, first).accept(), 1u);
    EXPECT_TRUE(first.closed());
    proxy.pass(7s);
    expect_over(proxy, request, 504);
}

TEST(Faults, WhatIsNoResponseIsNotTriedAgain) {
    const std::string fields = [] {
        std::string many;
        for (int i = 0; i < 300; ++i) many += "A: b\r\n";
        return many;
    }();
    for (const std::string& bad :
         {std::string("garbage\r\n\r\n"), std::string("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
          std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk"),
          "HTTP/1.1 200 OK\r\n" + fields + "\r\n"}) {
        Proxy proxy;
        Request request(get);
        proxy.begin(request);
        fakes::Server& first = asked(proxy);
        first.hear();
        first.say(bad);
        proxy.turn();
        expect_over(proxy, request, 502);
        EXPECT_EQ(other(proxy, first).accept(), 0u) << bad;
        EXPECT_TRUE(first.closed());
    }
}

TEST(Faults, InterimResponsesWithoutEnd) {
    Proxy proxy(1);
    proxy.config.limits.response_header_bytes = 2048;
    Request request(get);
    proxy.begin(request);
    proxy.servers[0]->hear();
    for (int i = 0; i < 200; ++i) proxy.servers[0]->say("HTTP/1.1 102 Processing\r\n\r\n");
    proxy.turn();
    expect_over(proxy, request, 502);
    EXPECT_EQ(request.client->interims, 2048u / 27);
}

TEST(Faults, ClosesWithinTheBody) {
    for (const std::string begun :
         {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel"}) {
        Proxy proxy;
        Request request(get);
        proxy.begin(request);
        fakes::Server& first = asked(proxy);
        first.hear();
        first.say(begun);
        proxy.turn();
        EXPECT_EQ(request.client->payload, "hel");
        first.end();
        proxy.turn();
        expect_cut(proxy, request, Abort::cut);
        EXPECT_EQ(proxy.ledger.counters().cut, 1u);
        EXPECT_EQ(other(proxy, first).accept(), 0u);
    }
}

TEST(Faults, BreaksItsFramingWithinTheBody) {
    Proxy proxy;
    Request request(get);
    proxy.begin(request);
    fakes::Server& first = asked(proxy);
    first.hear();
    first.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n");
    proxy.turn();
    first.say("no size\r\n");
    proxy.turn();
    expect_cut(proxy, request, Abort::cut);
}

TEST(Faults, ItsEndIsTheEndOfTheBody) {
    Proxy proxy(1);
    Request request(get);
    proxy.begin(request);
    proxy.servers[0]->hear();
    proxy.servers[0]->say("HTTP/1.1 200 OK\r\n\r\nhel");
    proxy.turn();
    EXPECT_FALSE(request.client->complete);
    proxy.servers[0]->say("lo");
    proxy.servers[0]->end();
    proxy.turn();
    expect_over(proxy, request, 200);
    EXPECT_EQ(request.client->payload, "hello");
}

TEST(Faults, BytesAfterTheResponse) {
    Proxy proxy(1);
    Request request(get);
    proxy.begin(request);
    proxy.servers[0]->hear();
    proxy.servers[0]->say(std::string(hello) + "more");
    proxy.turn();
    expect_over(proxy, request, 200);
    EXPECT_EQ(request.client->payload, "hello");
    EXPECT_TRUE(proxy.servers[0]->closed()) << "its connection cannot be used again";
}

TEST(Faults, SaysSomethingOnAnIdleConnection) {
    Proxy proxy(1);
    Request request(get);
    proxy.begin(request);
    proxy.servers[0]->hear();
    proxy.servers[0]->say(hello);
    proxy.turn();
    EXPECT_FALSE(proxy.servers[0]->closed());
    proxy.servers[0]->say("HTTP/1.1 408 Request Timeout\r\n\r\n");
    proxy.turn();
    EXPECT_TRUE(proxy.servers[0]->closed());
}

TEST(Faults, AnswersBeforeTheBodyHasCome) {
    Proxy proxy(1);
    Request request("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
    proxy.begin(request);
    proxy.arrive(request, 4);
    EXPECT_TRUE(proxy.servers[0]->hear().ends_with("\r\n\r\n0123"));
    proxy.servers[0]->say(hello);
    proxy.turn();
    expect_over(proxy, request, 200);
    EXPECT_TRUE(request.client->last);
    EXPECT_TRUE(*request.client->body_left);
    EXPECT_TRUE(proxy.servers[0]->closed());
}

TEST(Faults, EndsATunnel) {
    for (const bool broken : {false, true}) {
        Proxy proxy(1);
        Request request(
            "GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nping");
        proxy.begin(request);
        proxy.servers[0]->hear();
        proxy.servers[0]->say(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nwelcome");
        proxy.turn();
        ASSERT_TRUE(request.client->tunnel);
        EXPECT_EQ(request.client->payload, "welcome");
        proxy.arrive(request);
        EXPECT_EQ(proxy.leased(), 1u);
        if (!broken) {
            EXPECT_EQ(proxy.servers[0]->hear(), "ping");
        }
        proxy.servers[0]->end();
        proxy.turn();
        if (broken) {
            EXPECT_EQ(request.client->aborted, Abort::reset);
        } else {
            EXPECT_EQ(request.client->body_left, false);
        }
        EXPECT_EQ(proxy.over, 1u);
        EXPECT_EQ(proxy.leased(), 0u);
    }
}

// ---- phases and their timers -------------------------------------------------------------------

TEST(Phases, WaitsForTheFirstVerdicts) {
    Proxy proxy;
    const auto members = std::exchange(proxy.members, {});
    proxy.selection.settled = false;
    Request request(get);
    proxy.begin(request);
    proxy.pass(900ms);
    EXPECT_EQ(request.client->status, 0u);
    proxy.pass(200ms);
    expect_over(proxy, request, 503);

    Request late(get);
    proxy.begin(late);
    proxy.members = members;
    proxy.publish();
    asked(proxy).say(hello);
    proxy.turn();
    expect_over(proxy, late, 200);
}

TEST(Phases, WithoutAServerThereIsNoWait) {
    Proxy proxy(0);
    Request request(get);
    proxy.begin(request);
    expect_over(proxy, request, 503);
}

TEST(Phases, WaitsForAPlace) {
    Proxy proxy(1);
    proxy.members[0].max_connections = 1;
    proxy.config.queue = {.length = 1, .timeout = 10s};
    Request first(get);
    proxy.begin(first);
    Request second(get);
    proxy.begin(second);
    EXPECT_EQ(proxy.ledger.counters().queued, 1u);
    Request third(get);
    proxy.begin(third);
    EXPECT_EQ(third.client->status, 503u) << "the queue is full";
    EXPECT_EQ(proxy.ledger.counters().queue_overflows, 1u);
    proxy.servers[0]->hear();
    proxy.servers[0]->say(hello);
    proxy.turn();
    EXPECT_EQ(first.client->status, 200u);
    EXPECT_EQ(proxy.ledger.counters().queued, 0u);
    EXPECT_EQ(proxy.leased(), 1u);
    Request fourth(get);
    proxy.begin(fourth);
    proxy.pass(9s);
    EXPECT_EQ(fourth.client->status, 0u);
    proxy.pass(2s);
    EXPECT_EQ(fourth.client->status, 503u);
    EXPECT_EQ(proxy.ledger.counters().queue_timeouts, 1u);
}

TEST(Phases, NewcomersQueueUpBehindOthers) {
    Proxy proxy(1);
    proxy.members[0].max_connections = 1;
    Request first("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    Request second("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    Request third("GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    proxy.begin(first);
    proxy.begin(second);
    ExchangeContext context{proxy.loop, *proxy.upstreams, proxy.ledger, proxy.workspace,
                            [](Exchange&) {}};
    Exchange newcomer(context);
    first.client->on_finish = [&] { newcomer.begin(*third.client); };  // the place is free
    proxy.servers[0]->hear();
    proxy.servers[0]->say(hello);
    proxy.turn();
    EXPECT_TRUE(proxy.servers[0]->hear().starts_with("GET /2 "));
}

TEST(Phases, AServerIsRemovedWhileRequestsWaitForIt) {
    Proxy proxy(1);
    proxy.members[0].max_connections = 1;
    Request first(get);
    proxy.begin(first);
    Request second(get);
    proxy.begin(second);
    const auto members = std::exchange(proxy.members, {});
    proxy.publish();
    EXPECT_EQ(second.client->status, 503u) << "without waiting for queue.timeout";
    proxy.servers[0]->hear();
    proxy.servers[0]->say(hello);
    proxy.turn();
    EXPECT_EQ(first.client->status, 200u) << "what is in progress goes on";
    EXPECT_EQ(members[0].server->active(), 0u);
}

TEST(Phases, ABodyIsAwaitedBeforeAPlaceIsTaken) {
    const std::string text = "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789";
    Proxy proxy(1);
    proxy.members[0].max_connections = 1;
    Request whole(text);
    proxy.begin(whole);
    EXPECT_EQ(proxy.leased(), 0u);
    proxy.arrive(whole);
    EXPECT_EQ(proxy.leased(), 1u);
    proxy.servers[0]->hear();
    proxy.servers[0]->say(hello);
    proxy.turn();
    Request slow(text);
    proxy.begin(slow);
    proxy.pass(900ms);
    EXPECT_EQ(proxy.leased(), 0u);
    proxy.pass(200ms);
    EXPECT_EQ(proxy.leased(), 1u) << "a second is enough";
}

TEST(Phases, TheClientStalls) {
    Proxy proxy(1);
    proxy.config.timeouts.progress = 6s;
    proxy.config.timeouts.minimum_rate = 0;
    Request request("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
    proxy.begin(request);
    proxy.arrive(request, 4);
    proxy.pass(5s);
    EXPECT_EQ(request.client->status, 0u);
    proxy.pass(2s);
    expect_over(proxy, request, 408);
    EXPECT_TRUE(*request.client->body_left);
}

TEST(Phases, TheReplyStalls) {
    Proxy proxy(1);
    proxy.config.timeouts.progress = 6s;
    Request request(get);
    proxy.begin(request);
    proxy.servers[0]->hear();
    proxy.servers[0]->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    proxy.pass(5s);
    EXPECT_FALSE(request.client->aborted.has_value());
    proxy.pass(2s);
    expect_cut(proxy, request, Abort::reset);
}

TEST(Phases, TheClientDoesNotTakeTheBody) {
    Proxy proxy(1);
    proxy.config.timeouts.progress = 6s;
    proxy.config.timeouts.minimum_rate = 0;
    Request request(get);
    proxy.begin(request);
    proxy.servers[0]->hear();
    proxy.servers[0]->say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
    proxy.turn();
    request.client->pending = 1000;
    proxy.servers[0]->say("lo");
    proxy.pass(5s);
    EXPECT_EQ(request.client->payload, "hel");
    request.client->pending = 500;  // it reads, too slowly to be sent more
    proxy.pass(4s);
    EXPECT_FALSE(request.client->aborted.has_value());
    proxy.pass(9s);
    expect_cut(proxy, request, Abort::reset);
    EXPECT_EQ(proxy.ledger.counters().cut, 1u);
    EXPECT_EQ(proxy.ledger.of(*proxy.members[0].server).cut.value(), 0u)
        << "its server is not to blame";
}

TEST(Phases, TheClientSendsBelowItsMinimumRate) {
    Proxy proxy(1);
    proxy.config.timeouts.progress = 1h;
    proxy.config.timeouts.response = 1h;
    proxy.config.timeouts.minimum_rate = 10;
    Request request("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n" +
                    std::string(900, 'x'));
    proxy.begin(request);
    for (int i = 0; i < 8; ++i) {  // fast enough
        proxy.arrive(request, 60);
        proxy.pass(5s);
    }
    EXPECT_EQ(request.client->status, 0u);
    for (int i = 0; i < 8 && request.client->status == 0; ++i) {
        proxy.arrive(request, 10);
        proxy.pass(5s);
    }
    expect_over(proxy, request, 408);
    EXPECT_EQ(proxy.ledger.counters().slow_senders.value(), 1u);
}

TEST(Phases, TheClientReadsBelowItsMinimumRate) {
    Proxy proxy(1);
    proxy.config.timeouts.progress = 1h;
    proxy.config.timeouts.minimum_rate = 10;
    Request request(get);
    proxy.begin(request);
    proxy.servers[0]->hear();
    proxy.servers[0]->say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel");
    proxy.turn();
    request.client->pending = 1000;
    proxy.pass(25s);
    EXPECT_FALSE(request.client->aborted.has_value());
    for (int i = 0; i < 3; ++i) proxy.pass(5s);
    expect_cut(proxy, request, Abort::reset);
    EXPECT_EQ(proxy.ledger.counters().slow_readers.value(), 1u);
}

TEST(Phases, TheClientEndsItsSide) {
    for (const bool whole : {false, true}) {
        Proxy proxy(1);
        Request request("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
        proxy.begin(request);
        proxy.arrive(request, whole ? 10 : 4);
        request.client->has_ended = true;
        request.client->observer->on_client_end();
        proxy.turn();
        if (whole) {
            proxy.servers[0]->hear();
            proxy.servers[0]->say(hello);
            proxy.turn();
            expect_over(proxy, request, 200);
        } else {
            expect_cut(proxy, request, Abort::close);
            EXPECT_EQ(proxy.ledger.counters().aborted, 1u);
        }
    }
}

TEST(Phases, AClientEndsItsSideOfATunnel) {
    Proxy proxy(1);
    proxy.config.timeouts = {.progress = 6s, .tunnel = 1h};
    Request request("GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nping");
    proxy.begin(request);
    proxy.servers[0]->hear();
    proxy.servers[0]->say("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    proxy.turn();
    request.client->has_ended = true;
    proxy.arrive(request);
    request.client->observer->on_client_end();
    proxy.turn();
    EXPECT_TRUE(proxy.servers[0]->closed()) << "its side has ended";
    proxy.pass(5s);
    EXPECT_EQ(proxy.over, 0u);
    proxy.pass(2s);
    EXPECT_EQ(proxy.over, 1u);
    EXPECT_EQ(proxy.leased(), 0u);
}

TEST(Phases, WaitsForOtherCandidates) {
    Proxy proxy(1);
    proxy.servers[0]->stop();
    Request request(get);
    proxy.begin(request);
    EXPECT_EQ(request.client->status, 0u);
    Proxy back(1);
    proxy.members = back.members;
    proxy.publish();
    EXPECT_EQ(proxy.leased(), 1u) << "before the 10 seconds are over";
    back.servers[0]->accept();
    back.servers[0]->say(hello);
    proxy.turn();
    EXPECT_EQ(request.client->status, 200u);
}

TEST(Phases, AnEventStreamMayBeSilent) {
    Proxy proxy(1);
    proxy.config.timeouts.progress = 6s;
    proxy.config.timeouts.tunnel = 60s;
    Request request(get);
    proxy.begin(request);
    proxy.servers[0]->hear();
    proxy.servers[0]->say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
    proxy.pass(50s);
    EXPECT_FALSE(request.client->aborted.has_value());
    proxy.pass(20s);
    expect_cut(proxy, request, Abort::reset);
}

TEST(Phases, ATunnelIsIdle) {
    Proxy proxy(1);
    proxy.config.timeouts.tunnel = 60s;
    Request request("GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    proxy.begin(request);
    proxy.servers[0]->hear();
    proxy.servers[0]->say("HTTP/1.1 101 Switching Protocols\r\n\r\n");
    proxy.pass(50s);
    EXPECT_EQ(proxy.over, 0u);
    proxy.pass(20s);
    EXPECT_EQ(proxy.over, 1u);
}

TEST(Phases, TheClientGoes) {
    for (const bool replied : {false, true}) {
        Proxy proxy(1);
        Request request(get);
        proxy.begin(request);
        proxy.servers[0]->hear();
        if (replied) proxy.servers[0]->say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
        proxy.turn();
        request.client->observer->on_client_gone();
        EXPECT_EQ(proxy.over, 1u);
        EXPECT_EQ(proxy.leased(), 0u);
        EXPECT_EQ(proxy.ledger.counters().aborted, 1u);
        proxy.turn();
        EXPECT_TRUE(proxy.servers[0]->closed());
    }
}

TEST(Phases, LegalMoves) {
    using enum Phase;
    const std::set<std::pair<Phase, Phase>> legal = {
        {none, gathering},       {none, waiting},      {none, queued},
        {none, attempting},      {gathering, waiting}, {gathering, queued},
        {gathering, attempting}, {pausing, waiting},   {pausing, queued},
        {pausing, attempting},   {waiting, queued},    {waiting, attempting},
        {queued, waiting},       {queued, attempting}, {attempting, pausing},
        {attempting, tunnelling}};
    for (std::size_t from = 0; from < phases; ++from)
        for (std::size_t to = 0; to < phases; ++to) {
            const auto a = static_cast<Phase>(from);
            const auto b = static_cast<Phase>(to);
            EXPECT_EQ(may_move(a, b), b == none || legal.contains({a, b})) << from << " " << to;
        }
}

// ---- retries -----------------------------------------------------------------------------------

TEST(Retries, ABodyIsSentAgainAsFarAsItHasCome) {
    Proxy proxy;
    Request request("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
    proxy.begin(request);
    proxy.arrive(request, 4);
    fakes::Server& first = asked(proxy);
    first.hear();
    first.end();
    proxy.turn();
    fakes::Server& second = other(proxy, first);
    ASSERT_EQ(second.accept(), 1u);
    EXPECT_TRUE(second.hear().ends_with("\r\n\r\n0123"));
    proxy.arrive(request);
    EXPECT_EQ(second.hear(), "456789");
    second.say(hello);
    proxy.turn();
    expect_over(proxy, request, 200);
}

TEST(Retries, ABodyThatIsNotHeldAnyMoreIsNot) {
    Proxy proxy;
    proxy.config.limits.per_request_buffer = 4;
    Request request("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789");
    proxy.begin(request);
    proxy.arrive(request, 8);
    fakes::Server& first = asked(proxy);
    first.hear();
    first.end();
    proxy.turn();
    expect_over(proxy, request, 502);
    EXPECT_EQ(other(proxy, first).accept(), 0u);
}

TEST(Retries, TheBudgetIsUsedUp) {
    Proxy proxy;
    proxy.config.retries = {.attempts = 2, .budget_percent = 0, .budget_min_per_second = 0};
    Request request(get);
    proxy.begin(request);
    fakes::Server& first = asked(proxy);
    first.hear();
    first.end();
    proxy.turn();
    expect_over(proxy, request, 502);
    EXPECT_EQ(proxy.ledger.counters().retries, 0u);
}

TEST(Retries, AttemptsAreCounted) {
    Proxy proxy(4);
    proxy.config.retries.attempts = 3;
    Request request(get);
    proxy.begin(request);
    std::set<const fakes::Server*> seen;
    for (int round = 0; round < 3; ++round)
        for (const auto& server : proxy.servers) {
            if (server->accept() == 0 || !seen.insert(server.get()).second) continue;
            server->hear();
            server->end();
            proxy.turn();
        }
    expect_over(proxy, request, 502);
    EXPECT_EQ(seen.size(), 3u) << "each server once, three in all";
    EXPECT_EQ(proxy.ledger.counters().retries, 2u);
}

TEST(Retries, TheLastServerIsAskedOnceMore) {
    Proxy proxy(1);
    proxy.config.retries.attempts = 10;
    Request request(get);
    proxy.begin(request);
    proxy.servers[0]->hear();
    proxy.servers[0]->end();
    proxy.turn();
    ASSERT_EQ(proxy.servers[0]->accept(), 2u);
    proxy.servers[0]->hear(1);
    proxy.servers[0]->end(1);
    proxy.turn();
    expect_over(proxy, request, 502);
    EXPECT_EQ(proxy.servers[0]->accept(), 2u);
}

/// A request that waits in the queue does not get the place of one that is tried again.
TEST(Retries, KeepTheirPlace) {
    Proxy proxy(1);
    proxy.members[0].max_connections = 1;
    Request first(get);
    Request second(get);
    proxy.begin(first);
    proxy.begin(second);
    proxy.servers[0]->hear();
    proxy.servers[0]->end();
    proxy.turn();
    ASSERT_EQ(proxy.servers[0]->accept(), 2u);
    proxy.servers[0]->hear(1);
    proxy.servers[0]->say(hello, 1);
    proxy.turn();
    EXPECT_EQ(first.client->status, 200u);
    EXPECT_EQ(second.client->status, 0u);
    proxy.servers[0]->hear(1);
    proxy.servers[0]->say(hello, 1);
    proxy.turn();
    EXPECT_EQ(second.client->status, 200u);
    EXPECT_EQ(proxy.leased(), 0u);
}

TEST(Retries, EachRefusalTakesATurn) {
    Proxy proxy(40);
    for (const auto& server : proxy.servers) server->stop();
    proxy.publish();
    Request request(get);
    proxy.start(request);
    const auto out = [&proxy] {
        return std::ranges::count_if(proxy.members, [](const Member& member) {
            return member.server->health() == Health::unhealthy;
        });
    };
    EXPECT_EQ(out(), 1) << "in one turn";
    for (int turns = 2; turns <= 40; ++turns) {
        event_base_loop(proxy.loop.base(), EVLOOP_ONCE | EVLOOP_NONBLOCK);
        EXPECT_LE(out(), turns);
    }
    proxy.turn();
    EXPECT_EQ(out(), 40);
}

TEST(Retries, TheClientGoesBetweenTwoAttempts) {
    Proxy proxy;
    for (const auto& server : proxy.servers) server->stop();
    proxy.publish();
    Request request(get);
    proxy.start(request);
    request.client->observer->on_client_gone();
    EXPECT_EQ(proxy.over, 1u);
    EXPECT_EQ(proxy.leased(), 0u);
    proxy.turn();
    EXPECT_EQ(request.client->status, 0u);
    EXPECT_EQ(proxy.over, 1u);
}

// ---- guards ------------------------------------------------------------------------------------

TEST(Guards, WhatNoServerGetsToSee) {
    struct Row {
        const char* request;
        unsigned status;
    };
    for (const Row& row :
         {Row{"GET /x HTTP/1.1\r\n\r\n", 400}, Row{"TRACE /x HTTP/1.1\r\nHost: a\r\n\r\n", 405},
          Row{"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405},
          Row{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204},
          Row{"OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 204},
          Row{"OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: y\r\n\r\n", 400},
          Row{"OPTIONS /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n", 0},
          Row{"OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n", 0},
          Row{"GET /x HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", 0},
          Row{"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 413},
          Row{"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n", 0}}) {
        Proxy proxy;
        proxy.config.limits.body_bytes = 8;
        Request request(row.request);
        proxy.begin(request);
        EXPECT_EQ(request.client->status, row.status) << row.request;
        const std::size_t servers = proxy.servers[0]->accept() + proxy.servers[1]->accept();
        EXPECT_EQ(servers, row.status == 0 ? 1u : 0u) << row.request;
        EXPECT_EQ(proxy.over, row.status == 0 ? 0u : 1u);
    }
}

TEST(Guards, AChunkedBodyThatBecomesTooLarge) {
    Proxy proxy(1);
    proxy.config.limits.body_bytes = 8;
    Request request(
        "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
        "chunked\r\n\r\n9\r\n012345678\r\n0\r\n\r\n");
    proxy.begin(request);
    proxy.arrive(request);
    expect_over(proxy, request, 413);
}

TEST(Guards, AChunkedBodyThatIsMalformed) {
    Proxy proxy(1);
    Request request(
        "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n0\r\nno size\r\n");
    proxy.begin(request);
    proxy.arrive(request);
    expect_over(proxy, request, 400);
    EXPECT_FALSE(proxy.servers[0]->hear().ends_with("\r\n0\r\n\r\n")) << "nothing looks complete";
}

}  // namespace
}  // namespace otto
