// Who owns a request's bytes while attempts at servers fail: whatever is taken, sent, lost and
// tried again, in whatever order, a server that sees a complete request sees the client's.

#include "proxy/request_body.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "../fuzz/simple_chunks.h"
#include "balance/retry.h"
#include "fakes/client.h"
#include "http1/parse_request.h"

namespace otto {
namespace {

/// Attempts that fail at random points; OTTO_FAILURES overrides it.
constexpr unsigned long default_failures = 30'000;

class RequestBodyTest : public testing::Test {
  protected:
    std::size_t below(std::size_t end) { return random() % end; }

    std::string payload(std::size_t length) {
        std::string text(length, ' ');
        for (std::size_t i = 0; i < length; ++i) text[i] = static_cast<char>('!' + (i * 7) % 90);
        return text;
    }

    std::string chunks_of(std::string_view payload) {
        std::string text;
        while (!payload.empty()) {
            const std::size_t length = 1 + below(payload.size());
            text.append(http1::ChunkHeader(length).text()).append(payload.substr(0, length));
            text.append("\r\n");
            payload.remove_prefix(length);
        }
        return text + "0\r\n\r\n";
    }

    /// One request through attempts as Attempt makes them, of which each fails at a random point.
    /// What the last server got when it got all of it; nothing when the client gets an error.
    std::optional<std::string> pass(RequestBody& body, fakes::Client& client, bool idempotent) {
        for (unsigned attempts = 1;; ++attempts) {
            http1::RequestWriter out({});
            out.begin(client.request(), {});
            const std::size_t head = out.size();
            out.sent(head);
            body.begin_attempt(out);
            std::string server;
            const bool fails = attempts < 4 || below(8) == 0;
            // Often before a byte is sent: a pooled connection that the server has closed.
            std::size_t fatal = below(2) == 0 ? below(8) : below(200);
            for (;;) {
                if (below(2) == 0) client.arrive(1 + below(100));
                body.take(out);
                if (fails && fatal-- == 0) break;
                const std::size_t taken = below(3) == 0 ? 0 : below(out.unsent().size() + 1);
                if (taken > 0) body.note_sent();
                server.append(out.unsent().substr(0, taken));
                out.sent(taken);
                const bool done = body.state() == RequestBody::State::complete && out.empty();
                if (done) return server;
                if (out.empty() && client.all_arrived() && body.state() != RequestBody::State::open)
                    return std::nullopt;
            }
            ++failures;
            if (!may_retry(Failure::reset_before_response, !server.empty(), idempotent,
                           body.replayable(), attempts, 10))
                return std::nullopt;
            ++retries;
        }
    }

    std::minstd_rand random{std::minstd_rand::default_seed};
    unsigned long failures = 0;
    unsigned long retries = 0;
    unsigned long complete = 0;
};

TEST_F(RequestBodyTest, NoServerSeesACompleteRequestThatIsNotTheClients) {
    const char* wanted = std::getenv("OTTO_FAILURES");
    const unsigned long most =
        wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : default_failures;
    RequestBody body;
    while (failures < most) {
        const bool chunked = below(2) == 0;
        const std::string sent = payload(1 + below(400));
        const std::string bytes = chunked ? chunks_of(sent) : sent;
        http::RequestHead head;
        head.framing = chunked ? http::Framing::chunked : http::Framing::length;
        head.content_length = chunked ? 0 : sent.size();
        LimitsConfig limits;
        limits.per_request_buffer = 1 + below(200);
        fakes::Client client(head, bytes);
        body.begin(client, limits);
        const auto server = pass(body, client, below(2) == 0);
        if (!server) continue;
        ++complete;
        if (!chunked) {
            ASSERT_EQ(*server, sent);
            continue;
        }
        const auto read = fuzz::SimpleChunksReader::read(*server);
        ASSERT_TRUE(read.complete && read.length == server->size());
        ASSERT_EQ(read.payload, sent);
    }
    EXPECT_GT(retries, most / 4);
    EXPECT_GT(complete, most / 20);
}

TEST_F(RequestBodyTest, WhatNoServerHasSeenIsHeldHoweverMuchItIs) {
    const std::string sent = payload(100);
    http::RequestHead head;
    head.framing = http::Framing::length;
    head.content_length = sent.size();
    LimitsConfig limits;
    limits.per_request_buffer = 10;
    fakes::Client client(head, sent);
    RequestBody body;
    body.begin(client, limits);
    client.arrive(sent.size());
    http1::RequestWriter first({});
    body.take(first);
    EXPECT_EQ(first.unsent(), sent.substr(0, 10));

    // The attempt dies without having sent anything; the next one starts with what it had.
    ASSERT_TRUE(body.replayable());
    http1::RequestWriter second({});
    body.begin_attempt(second);
    body.take(second);
    EXPECT_EQ(second.unsent(), first.unsent()) << "its buffer is full";
    second.clear();
    body.take(second);  // nothing was sent yet: held, over the buffer's size
    EXPECT_TRUE(body.replayable());
    EXPECT_EQ(body.taken(), sent.substr(0, 20));

    body.note_sent();
    second.clear();
    body.take(second);
    EXPECT_FALSE(body.replayable()) << "only as much as the buffer holds is remembered from now on";
    EXPECT_TRUE(body.taken().empty());
}

}  // namespace
}  // namespace otto
