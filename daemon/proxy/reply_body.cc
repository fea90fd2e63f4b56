#include "proxy/reply_body.h"

#include <algorithm>
#include <cstring>

namespace otto {

namespace {

iovec piece_of(std::string_view text) {
    return {const_cast<char*>(text.data()), text.size()};
}

}  // namespace

void ReplyBody::begin(const http::ResponseHead& head, http::Framing as_sent,
                      const http::ResponseLimits& limits) {
    framing_ = head.framing;
    as_sent_ = as_sent;
    left_ = head.content_length;
    relayed_ = 0;
    surplus_ = false;
    chunked_.reset(limits);
    const bool empty =
        framing_ == http::Framing::none || (framing_ == http::Framing::length && left_ == 0);
    state_ = empty ? State::complete : State::open;
}

std::span<iovec> ReplyBody::relay(std::span<char> bytes) {
    if (state_ != State::open) {
        surplus_ = surplus_ || !bytes.empty();
        return {};
    }
    switch (framing_) {
        case http::Framing::none:
            return {};
        case http::Framing::length: {
            const auto length = static_cast<std::size_t>(std::min<Bytes>(bytes.size(), left_));
            left_ -= length;
            surplus_ = length < bytes.size();
            if (left_ == 0) state_ = State::complete;
            return frame({bytes.data(), length}, false);
        }
        case http::Framing::until_close:
            return frame({bytes.data(), bytes.size()}, false);
        case http::Framing::chunked: {
            const std::string_view payload = compact_chunks(bytes);
            return frame(payload, state_ == State::complete);
        }
    }
    return {};
}

std::span<iovec> ReplyBody::end_of_input() {
    if (state_ != State::open || framing_ != http::Framing::until_close) return {};
    state_ = State::complete;
    return frame({}, true);
}

/// Moves the payload of all chunks to one place, over the framing between them.
std::string_view ReplyBody::compact_chunks(std::span<char> bytes) {
    char* first = nullptr;
    char* end = nullptr;
    while (!bytes.empty() || state_ == State::open) {
        const auto [kind, length] = chunked_.next({bytes.data(), bytes.size()});
        switch (kind) {
            case http::ChunkedReader::Kind::framing:
                break;
            case http::ChunkedReader::Kind::payload:
                if (first == nullptr) {
                    first = end = bytes.data();
                } else if (end != bytes.data()) {
                    std::memmove(end, bytes.data(), length);
                }
                end += length;
                break;
            case http::ChunkedReader::Kind::end:
                state_ = State::complete;
                surplus_ = length < bytes.size();
                return {first, static_cast<std::size_t>(end - first)};
            case http::ChunkedReader::Kind::need_more:
                return {first, static_cast<std::size_t>(end - first)};
            case http::ChunkedReader::Kind::malformed:
                state_ = State::malformed;
                return {};
        }
        bytes = bytes.subspan(length);
    }
    return {first, static_cast<std::size_t>(end - first)};
}

std::span<iovec> ReplyBody::frame(std::string_view payload, bool last) {
    relayed_ += payload.size();
    std::size_t count = 0;
    const bool chunks = as_sent_ == http::Framing::chunked;
    if (chunks && !payload.empty()) {
        header_ = http::ChunkHeader(payload.size());
        pieces_[count++] = piece_of(header_.text());
    }
    if (!payload.empty()) pieces_[count++] = piece_of(payload);
    if (chunks && (!payload.empty() || last)) {
        tail_.assign(payload.empty() ? "" : "\r\n");
        if (last) tail_.append("0\r\n").append(chunked_.trailers()).append("\r\n");
        pieces_[count++] = piece_of(tail_);
    }
    return {pieces_.data(), count};
}

}  // namespace otto
