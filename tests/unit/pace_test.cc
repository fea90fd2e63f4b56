#include "http/pace.h"

#include <string>

#include <gtest/gtest.h>

#include "http1/request_body_reader.h"

namespace otto::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Bytes rate = 240;

class PaceTest : public testing::Test {
  protected:
    PaceTest() { pace_.run(now_, total_); }
    /// A step later, in which the client has moved so many bytes.
    bool below(Bytes moved) { return pace_.is_below(rate, now_ += Pace::step, total_ += moved); }

    Pace pace_;
    TimePoint now_{seconds(1000)};
    Bytes total_ = 5000;
};

TEST_F(PaceTest, IsJudgedAfterThirtySeconds) {
    for (int step = 1; step < 6; ++step) EXPECT_FALSE(below(5)) << step;
    EXPECT_TRUE(below(5));
}

TEST_F(PaceTest, IsAnAverage) {
    for (int step = 0; step < 100; ++step)
        EXPECT_FALSE(below(step % 6 == 0 ? rate * 30 : 0)) << step;
}

TEST_F(PaceTest, ToTheByte) {
    for (int step = 0; step < 50; ++step) EXPECT_FALSE(below(rate * 5));
    EXPECT_TRUE(below(rate * 5 - 1));
}

TEST_F(PaceTest, ForgetsWhatWasBefore) {
    EXPECT_FALSE(below(16 * 1024));
    for (int step = 1; step < 6; ++step) EXPECT_FALSE(below(5));
    EXPECT_TRUE(below(5)) << "the burst is 30 s ago";
}

TEST_F(PaceTest, DoesNotCountPauses) {
    for (int step = 1; step < 6; ++step) EXPECT_FALSE(below(5));
    pace_.pause();
    EXPECT_FALSE(pace_.running());
    now_ += seconds(1000);
    pace_.run(now_, total_);
    EXPECT_FALSE(pace_.is_below(rate, now_ + milliseconds(1), total_)) << "no step has passed";
    EXPECT_TRUE(below(5)) << "what was before the pause counts";
}

TEST_F(PaceTest, IsNotJudgedWithoutARate) {
    for (int step = 0; step < 20; ++step)
        EXPECT_FALSE(pace_.is_below(0, now_ += Pace::step, total_));
}

// ---- the arrival of a body ---------------------------------------------------------------------

/// Asked whether 100 bytes of a body have arrived, or all of it.
class Arrival {
  public:
    explicit Arrival(Framing framing, Bytes length = 0) {
        RequestHead head;
        head.framing = framing;
        head.content_length = length;
        reader_.begin(head);
    }
    bool is_enough(std::string_view bytes) { return reader_.has_arrived(bytes, 100); }

  private:
    http1::RequestBodyReader reader_;
};

TEST(BodyArrival, OfNone) {
    EXPECT_TRUE(Arrival(Framing::none).is_enough(""));
    EXPECT_TRUE(Arrival(Framing::length, 0).is_enough(""));
}

TEST(BodyArrival, OfALength) {
    Arrival small(Framing::length, 10);
    EXPECT_FALSE(small.is_enough("123456789"));
    EXPECT_TRUE(small.is_enough("1234567890"));
    Arrival large(Framing::length, 1000);
    EXPECT_FALSE(large.is_enough(std::string(99, 'x')));
    EXPECT_TRUE(large.is_enough(std::string(100, 'x')));
    EXPECT_TRUE(large.is_enough("")) << "once and for all";
}

TEST(BodyArrival, OfChunksByteByByte) {
    const std::string body = "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n";
    Arrival chunks(Framing::chunked);
    for (std::size_t length = 0; length < body.size(); ++length)
        EXPECT_FALSE(chunks.is_enough(body.substr(0, length))) << length;
    EXPECT_TRUE(chunks.is_enough(body));
    EXPECT_TRUE(Arrival(Framing::chunked).is_enough(body + "GET / HTTP/1.1\r\n"));
}

TEST(BodyArrival, OfChunksThatAreLargeOrBad) {
    EXPECT_FALSE(Arrival(Framing::chunked).is_enough("fff\r\n" + std::string(94, 'x')));
    EXPECT_TRUE(Arrival(Framing::chunked).is_enough("fff\r\n" + std::string(95, 'x')));
    EXPECT_TRUE(Arrival(Framing::chunked).is_enough("x"));
}

}  // namespace
}  // namespace otto::http
