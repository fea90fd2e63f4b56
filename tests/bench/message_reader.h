#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <strings.h>

namespace bench {

/// Reads one HTTP/1.1 message after the other from the bytes of a connection: finds the end of the
/// head, keeps what framing needs of it, and counts the body without looking at it. Understands
/// Content-Length and chunked; a message with neither has no body (so it is no reader for replies
/// that end with their connection, nor for those to HEAD). Strict only as far as miscounting would
/// go unnoticed: the peers that are measured are trusted.
class MessageReader {
  public:
    enum class State { head, body, chunk_size, chunk_data, chunk_end, trailer, done, broken };

    /// Ready for the next message.
    void reset() {
        kept_.clear();
        left_ = length_ = 0;
        status_ = 0;
        state_ = State::head;
        closes_ = false;
    }

    /// Takes bytes up to the end of the message; returns how many.
    std::size_t take(std::string_view bytes) {
        const std::size_t whole = bytes.size();
        while (!bytes.empty() && state_ != State::done && state_ != State::broken) {
            bytes.remove_prefix(step(bytes));
        }
        return whole - bytes.size();
    }

    /// As take(), but at most one step: a head, a line, or bytes that are nothing but body.
    std::size_t step(std::string_view bytes) {
        switch (state_) {
            case State::head:
                return take_head(bytes);
            case State::body:
            case State::chunk_data: {
                const auto count = std::min<std::uint64_t>(left_, bytes.size());
                dropped(count);
                return count;
            }
            case State::chunk_size:
            case State::chunk_end:
            case State::trailer:
                return take_line(bytes);
            case State::done:
            case State::broken:
                break;
        }
        return 0;
    }

    State state() const { return state_; }
    bool done() const { return state_ == State::done; }

    /// How many bytes come next that are nothing but body: they may be dropped unread.
    std::uint64_t plain_bytes() const {
        return state_ == State::body || state_ == State::chunk_data ? left_ : 0;
    }
    /// So many of them were dropped.
    void dropped(std::uint64_t count) {
        left_ -= count;
        length_ += count;
        if (left_ == 0) state_ = state_ == State::body ? State::done : State::chunk_end;
    }

    /// Of a reply.
    int status() const { return status_; }
    /// "GET /path", of a request.
    std::string_view target() const { return target_; }
    /// The whole head, if the caller asked for it before the message began.
    void keep_head(bool keep) { keep_head_ = keep; }
    const std::string& head() const { return whole_head_; }
    /// What has come of a head or line that is not complete.
    std::string_view unfinished() const { return kept_; }
    bool closes() const { return closes_; }
    std::uint64_t body_length() const { return length_; }

  private:
    std::size_t take_head(std::string_view bytes) {
        constexpr std::string_view end = "\r\n\r\n";
        if (kept_.empty()) {
            const auto at = bytes.find(end);
            if (at != std::string_view::npos) {
                parse(bytes.substr(0, at + end.size()));
                return at + end.size();
            }
        }
        const std::size_t before = kept_.size();
        kept_ += bytes;
        const auto at = kept_.find(end, before < 3 ? 0 : before - 3);
        if (at == std::string::npos) {
            if (kept_.size() > 65536) state_ = State::broken;
            return bytes.size();
        }
        parse(std::string_view(kept_).substr(0, at + end.size()));
        kept_.clear();
        return at + end.size() - before;
    }

    std::size_t take_line(std::string_view bytes) {
        const auto at = bytes.find('\n');
        if (at == std::string_view::npos) {
            kept_ += bytes;
            return bytes.size();
        }
        kept_ += bytes.substr(0, at + 1);
        end_line();
        kept_.clear();
        return at + 1;
    }

    void end_line() {
        const bool empty = kept_ == "\r\n";
        if (state_ == State::trailer) {
            if (empty) state_ = State::done;
        } else if (state_ == State::chunk_end) {
            state_ = empty ? State::chunk_size : State::broken;
        } else {
            const char* begin = kept_.data();
            const auto [end, error] = std::from_chars(begin, begin + kept_.size(), left_, 16);
            const bool right = error == std::errc{} && (*end == '\r' || *end == ';');
            state_ = !right ? State::broken : left_ == 0 ? State::trailer : State::chunk_data;
        }
    }

    static bool is(std::string_view text, std::string_view other) {
        return text.size() == other.size() &&
               strncasecmp(text.data(), other.data(), text.size()) == 0;
    }

    /// `head` ends with an empty line.
    void parse(std::string_view head) {
        if (keep_head_) whole_head_ = head;
        auto end = head.find("\r\n");
        const std::string_view first = head.substr(0, end);
        if (first.starts_with("HTTP/1.")) {
            if (first.size() >= 12) std::from_chars(&first[9], &first[9] + 3, status_);
            closes_ = first[7] == '0';
        } else {
            target_ = first.substr(0, first.rfind(' '));
        }
        std::optional<std::uint64_t> length;
        bool chunked = false;
        for (head.remove_prefix(end + 2); head.size() > 2; head.remove_prefix(end + 2)) {
            end = head.find("\r\n");
            const std::string_view line = head.substr(0, end);
            const auto colon = line.find(':');
            if (colon == std::string_view::npos) return fail();
            const std::string_view name = line.substr(0, colon);
            if (name.size() != 14 && name.size() != 17 && name.size() != 10) continue;
            std::string_view value = line.substr(colon + 1);
            while (value.starts_with(' ')) value.remove_prefix(1);
            if (is(name, "Content-Length")) {
                std::uint64_t number = 0;
                const char* stop = value.data() + value.size();
                const auto result = std::from_chars(value.data(), stop, number);
                if (length || result.ec != std::errc{} || result.ptr != stop) return fail();
                length = number;
            } else if (is(name, "Transfer-Encoding")) {
                if (!is(value, "chunked")) return fail();
                chunked = true;
            } else if (is(name, "Connection") && is(value, "close")) {
                closes_ = true;
            }
        }
        if (chunked && length) return fail();
        left_ = length.value_or(0);
        state_ = chunked ? State::chunk_size : left_ != 0 ? State::body : State::done;
    }

    void fail() { state_ = State::broken; }

    std::string kept_;  // of a head or line that came in pieces
    std::string target_;
    std::string whole_head_;
    std::uint64_t left_ = 0;
    std::uint64_t length_ = 0;
    int status_ = 0;
    State state_ = State::head;
    bool closes_ = false;
    bool keep_head_ = false;
};

}  // namespace bench
