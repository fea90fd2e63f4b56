#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bench/message_reader.h"
#include "random.h"

namespace exchanges {

/// Reads the messages of one connection, one after the other, and compares their bodies with what
/// they must be.
class Incoming {
  public:
    enum class Event { more, interim, head, done, broken, foreign };

    /// For the next message.
    void begin();
    /// Takes bytes up to the next event. After `head` say what is expected. After `done` and
    /// `interim` another message may begin. `foreign`: the body has a byte that is not its own.
    Event next(std::string_view& bytes);
    /// Compares the body with the marker's.
    void expect(const Marker& marker) { marker_ = marker; }
    /// The message has no body, whatever its head says.
    void expect_no_body() { ended_ = true; }
    /// The body has no length, and ends with the connection.
    void expect_until_close() { until_close_ = true; }
    /// The connection has ended orderly: whether that is the end of the message.
    bool ends_here() const { return until_close_; }

    bool in_head() const { return reader_.state() == bench::MessageReader::State::head; }
    /// Whether anything of the message has come.
    bool begun() const { return !in_head() || !reader_.unfinished().empty(); }
    std::string_view unfinished() const { return reader_.unfinished(); }
    const std::string& head() const { return reader_.head(); }
    int status() const { return reader_.status(); }
    bool closes() const { return reader_.closes(); }
    std::string_view target() const { return reader_.target(); }
    /// Bytes of the body so far.
    std::uint64_t length() const { return until_close_ ? length_ : reader_.body_length(); }
    /// After `foreign`: at which byte, and what stands there instead, if that is known.
    std::string describe_foreign() const;
    /// The value of a field, "" when there is none.
    std::string_view field(std::string_view name) const;

  private:
    Event take_body(std::string_view& bytes, std::uint64_t at, std::uint64_t count);

    bench::MessageReader reader_;
    std::optional<Marker> marker_;
    bool ended_ = false;
    bool until_close_ = false;
    std::uint64_t length_ = 0;  // until_close_
    std::uint64_t foreign_at_ = 0;
    std::string foreign_;
};

}  // namespace exchanges
