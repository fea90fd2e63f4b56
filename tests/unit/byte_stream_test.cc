#include "net/byte_stream.h"

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/loop.h"
#include "event/timer.h"

namespace otto::net {
namespace {

using namespace std::chrono_literals;

class ByteStreamTest : public testing::Test, public StreamObserver {
  protected:
    ByteStreamTest() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        peer = UniqueFd(ends[1]);
        stream = std::make_unique<ByteStream>(loop, UniqueFd(ends[0]));
        stream->observe(this);
    }

    void on_stream(bool readable, bool writable) override {
        ++calls;
        readable_calls += readable;
        writable_calls += writable;
        if (on_call) on_call();
    }

    void say(std::string_view text) const {
        EXPECT_EQ(::send(peer.get(), text.data(), text.size(), 0),
                  static_cast<ssize_t>(text.size()));
    }
    /// "-" when there is nothing for now.
    std::string read(std::size_t most = 64) {
        char bytes[64];
        const ssize_t length = stream->receive(bytes, most);
        if (length < 0) return errno == EAGAIN ? "-" : "error";
        return {bytes, static_cast<std::size_t>(length)};
    }
    /// A few turns of the loop.
    void turn() {
        int left = 3;
        Timer next(loop, [&] { --left > 0 ? next.set_after({}) : loop.stop(); });
        next.set_after({});
        EXPECT_TRUE(loop.run());
    }

    Loop loop = std::move(*Loop::open());
    UniqueFd peer;
    std::unique_ptr<ByteStream> stream;
    int calls = 0;
    int readable_calls = 0;
    int writable_calls = 0;
    std::function<void()> on_call;
};

TEST_F(ByteStreamTest, CanBeReadBeforeItIsWatched) {
    EXPECT_EQ(read(), "-");
    EXPECT_TRUE(stream->quiet());
    say("hello");
    turn();
    EXPECT_EQ(calls, 0);
    stream->watch();
    turn();
    EXPECT_EQ(readable_calls, 1) << "what has happened by then is notified";
    EXPECT_EQ(read(), "hello");
    EXPECT_TRUE(stream->quiet());
}

TEST_F(ByteStreamTest, AShortReadHasEmptiedTheSocket) {
    stream->watch();
    say("hello");
    turn();
    EXPECT_EQ(read(3), "hel");
    EXPECT_FALSE(stream->quiet());
    EXPECT_EQ(read(), "lo");
    EXPECT_TRUE(stream->quiet());
    turn();
    EXPECT_EQ(readable_calls, 1) << "edges are reported once";
    say("again");
    turn();
    EXPECT_EQ(readable_calls, 2);
}

TEST_F(ByteStreamTest, AnEndThatCameWithBytesIsKnown) {
    stream->watch();
    say("bye");
    peer.reset();
    turn();
    EXPECT_TRUE(stream->peer_ended());
    EXPECT_EQ(read(), "bye");
    EXPECT_FALSE(stream->quiet());
    EXPECT_EQ(read(), "");
}

TEST_F(ByteStreamTest, AnEndBehindUnreadBytesIsKnown) {
    stream->watch();
    say("one");
    turn();
    ::shutdown(peer.get(), SHUT_WR);
    turn();
    EXPECT_EQ(readable_calls, 2);
    EXPECT_TRUE(stream->peer_ended());
    EXPECT_FALSE(stream->broken()) << "the peer may still read";
    peer.reset();
    EXPECT_TRUE(stream->broken());
}

TEST_F(ByteStreamTest, ReadsOnInTheNextTurnAndNotBefore) {
    stream->watch();
    turn();
    calls = writable_calls = readable_calls = 0;
    int turns = 0;
    on_call = [&] {
        if (++turns < 3) stream->read_on_later();
    };
    say("some");
    turn();
    EXPECT_EQ(calls, 3);
    EXPECT_FALSE(stream->reads_on_later());
}

TEST_F(ByteStreamTest, WritabilityIsNotLostWhileItWaitsForItsTurn) {
    stream->watch();
    turn();
    std::string much(1 << 16, 'x');
    iovec piece{much.data(), much.size()};
    while (stream->send({&piece, 1}) > 0) continue;
    EXPECT_EQ(errno, EAGAIN);
    writable_calls = 0;
    stream->read_on_later();
    while (::recv(peer.get(), much.data(), much.size(), 0) > 0) continue;
    turn();
    EXPECT_GE(writable_calls, 1);
    writable_calls = 0;
    stream->write_on_later();
    turn();
    EXPECT_EQ(writable_calls, 1);
}

TEST_F(ByteStreamTest, AnObserverThatLeavesHearsNothing) {
    stream->watch();
    turn();
    calls = 0;
    stream->read_on_later();
    stream->observe(nullptr);
    say("hello");
    turn();
    EXPECT_EQ(calls, 0);
}

TEST_F(ByteStreamTest, SplicesUntilTheSocketIsEmpty) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    const UniqueFd out(ends[0]);
    const UniqueFd in(ends[1]);
    stream->watch();
    say("hello");
    turn();
    EXPECT_EQ(stream->splice_in(in.get(), 64), 5);
    EXPECT_EQ(stream->splice_in(in.get(), 64), -1);
    EXPECT_EQ(errno, EAGAIN);
    EXPECT_FALSE(stream->readable());
    EXPECT_EQ(stream->splice_out(out.get(), 5), 5);
    char bytes[8];
    EXPECT_EQ(::recv(peer.get(), bytes, sizeof bytes, 0), 5);
}

TEST_F(ByteStreamTest, OnlyAWatchedDescriptorIsClosedLater) {
    const int watched = stream->descriptor();
    stream->watch();
    stream.reset();
    EXPECT_EQ(::fcntl(watched, F_GETFD), 0 | FD_CLOEXEC) << "libevent still knows its number";
    turn();
    EXPECT_EQ(::fcntl(watched, F_GETFD), -1);
    const int other = ::dup(peer.get());
    stream = std::make_unique<ByteStream>(loop, UniqueFd(other));
    stream.reset();
    EXPECT_EQ(::fcntl(other, F_GETFD), -1);
}

}  // namespace
}  // namespace otto::net
