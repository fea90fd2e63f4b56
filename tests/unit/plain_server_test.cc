// What a crowd of clients of the admin API may cost: time of the loop, and memory.

#include "admin/plain_server.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "event/loop.h"
#include "event/timer.h"

namespace otto::admin {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

class PlainServerTest : public testing::Test {
  protected:
    PlainServerTest() {
        char folder[] = "/tmp/otto-plain-XXXXXX";
        folder_ = ::mkdtemp(folder);
        address_ = *Address::from_path(folder_ + "/socket");
        UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::bind(listener.get(), address_.get(), address_.length()), 0);
        EXPECT_EQ(::listen(listener.get(), 128), 0);
        server_ = std::move(*PlainServer::open(
            loop_, {.on_head = [](const PlainRequest&) { return std::nullopt; },
                    .on_request = [this](const PlainRequest& asked,
                                         std::uint64_t ticket) { on_request(asked, ticket); },
                    .on_gone = [this](std::uint64_t ticket) { gone_.push_back(ticket); },
                    .on_paused = [](const char*) {},
                    .on_evicted = [this] { ++evicted_; }}));
        EXPECT_TRUE(server_->listen(std::move(listener)));
    }
    ~PlainServerTest() override {
        ::unlink((folder_ + "/socket").c_str());
        ::rmdir(folder_.c_str());
    }

    UniqueFd client(std::string_view says) {
        UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(fd.get(), address_.get(), address_.length()), 0);
        EXPECT_EQ(::send(fd.get(), says.data(), says.size(), 0), static_cast<ssize_t>(says.size()));
        return fd;
    }

    /// Until `holds`, which is asked in each turn of the loop.
    void run_until(const std::function<bool()>& holds) {
        Timer turn(loop_, [this, &holds, &turn] {
            on_turn_();
            if (holds()) {
                loop_.stop();
            } else {
                turn.set_after({});
            }
        });
        Timer guard(loop_, [this] { loop_.stop(); });
        turn.set_after({});
        guard.set_after(20s);
        EXPECT_TRUE(loop_.run());
        EXPECT_TRUE(holds()) << "not within 20 s";
    }

    std::function<void(const PlainRequest&, std::uint64_t)> on_request =
        [this](const PlainRequest&, std::uint64_t ticket) { tickets_.push_back(ticket); };
    std::function<void()> on_turn_ = [] {};
    Loop loop_ = std::move(*Loop::open());
    std::string folder_;
    Address address_;
    std::unique_ptr<PlainServer> server_;
    std::vector<std::uint64_t> tickets_;
    std::vector<std::uint64_t> gone_;
    unsigned evicted_ = 0;
};

TEST_F(PlainServerTest, ACrowdOfPipelinesIsServedInStretches) {
    constexpr std::size_t crowd = 40;
    constexpr std::size_t each = 10;
    std::size_t served = 0;
    std::size_t in_this_turn = 0;
    std::size_t most = 0;
    on_request = [&](const PlainRequest&, std::uint64_t ticket) {
        const TimePoint until = now() + Stretches::longest / 2;
        while (now() < until) continue;
        ++served;
        most = std::max(most, ++in_this_turn);
        server_->reply(ticket, {.status = 204, .body = {}, .type = {}, .fields = {}});
    };
    on_turn_ = [&in_this_turn] { in_this_turn = 0; };
    std::string pipeline;
    for (std::size_t at = 0; at < each; ++at) pipeline += request;
    std::vector<UniqueFd> clients;
    for (std::size_t at = 0; at < crowd; ++at) clients.push_back(client(pipeline));
    run_until([&served] { return served == crowd * each; });
    // The turn may begin before or after the stretch, so that two of them can fall into one count.
    EXPECT_LE(most, 4u);
}

TEST_F(PlainServerTest, TheNextRequestIsReadWhenTheReplyHasGone) {
    const UniqueFd impatient = client(std::string(request) + std::string(request));
    run_until([this] { return tickets_.size() == 1; });
    const http::SharedText text = http::SharedText::of(std::string(4 * 1024 * 1024, 'x'));
    server_->reply(tickets_[0],
                   {.status = 200, .body = {}, .type = "", .fields = {}, .shared = text});
    EXPECT_GT(text.owner.use_count(), 1) << "the client has not read it";
    int turns = 0;
    run_until([&turns] { return ++turns >= 50; });
    EXPECT_EQ(tickets_.size(), 1u);
    std::vector<char> buffer(65536);
    run_until([&] {
        while (::recv(impatient.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) continue;
        return tickets_.size() == 2;
    });
    EXPECT_EQ(text.owner.use_count(), 1) << "it is let go once it has been read";
}

TEST_F(PlainServerTest, SharedBodiesAreNotCopiedAndMakeRoom) {
    std::vector<UniqueFd> clients;
    std::vector<std::weak_ptr<const void>> bodies;
    for (std::size_t at = 0; at < 3; ++at) clients.push_back(client(request));
    run_until([this] { return tickets_.size() == 3; });
    // 12 MiB each, so that two fit and three do not.
    constexpr std::size_t size = 12 * 1024 * 1024;
    for (std::size_t at = 0; at < 3; ++at) {
        server_->make_room_for(tickets_[at], size);
        const http::SharedText body = http::SharedText::of(std::string(size, 'x'));
        bodies.push_back(body.owner);
        server_->reply(tickets_[at],
                       {.status = 200, .body = {}, .type = "", .fields = {}, .shared = body});
    }
    EXPECT_TRUE(bodies[0].expired()) << "the oldest has made room";
    EXPECT_FALSE(bodies[1].expired());
    EXPECT_FALSE(bodies[2].expired());
    EXPECT_EQ(evicted_, 1u);
}

TEST_F(PlainServerTest, ManyMayShareABodyThatFitsOnce) {
    std::vector<UniqueFd> clients;
    for (std::size_t at = 0; at < 20; ++at) clients.push_back(client(request));
    run_until([this] { return tickets_.size() == 20; });
    const http::SharedText body = http::SharedText::of(std::string(12 * 1024 * 1024, 'x'));
    for (const std::uint64_t ticket : tickets_) {
        server_->make_room_for(ticket, 1);
        server_->reply(ticket,
                       {.status = 200, .body = {}, .type = "", .fields = {}, .shared = body});
    }
    EXPECT_EQ(body.owner.use_count(), 21);
    EXPECT_TRUE(gone_.empty());
    EXPECT_EQ(evicted_, 0u);
}

TEST_F(PlainServerTest, WhoGoesBeforeItsTurnIsForgotten) {
    client(request).reset();
    const UniqueFd other = client(request);
    run_until([this] { return !tickets_.empty() && gone_.size() + 1 >= tickets_.size(); });
}

}  // namespace
}  // namespace otto::admin
