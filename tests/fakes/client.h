#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "http/client_stream.h"
#include "http1/request_body_reader.h"

namespace otto::fakes {

/// A client that has sent one request over HTTP/1, and keeps what it gets for an answer. Its body
/// arrives when arrive() says so.
class Client : public http::ClientStream {
  public:
    /// `bytes` are what follows the head.
    Client(const http::RequestHead& request, std::string_view bytes)
        : request_(request), bytes_(bytes) {
        reader_.begin(request);
    }
    virtual ~Client() = default;

    /// So many more bytes arrive.
    void arrive(std::size_t length) { arrived_ = std::min(bytes_.size(), arrived_ + length); }
    bool all_arrived() const { return arrived_ == bytes_.size(); }
    /// Of the bytes, framing included.
    std::size_t consumed() const { return consumed_; }

    // ---- what it got ----
    unsigned status = 0;
    bool last = false;  // the reply was announced as the connection's last
    std::string set_cookie;
    std::string payload;    // of the reply
    unsigned interims = 0;  // 100 (Continue) of Otto's own included
    bool complete = false;  // the reply is
    bool tunnel = false;
    std::optional<bool> body_left;  // when it is finished
    std::optional<http::Abort> aborted;

    // ---- how it behaves ----
    bool broken = false;      // takes nothing any more
    std::size_t pending = 0;  // bytes that it has not taken
    bool has_ended = false;   // it sends no more
    http::Refusal refused;
    std::unique_ptr<http::Attachment> attached;
    http::ClientObserver* observer = nullptr;
    std::function<void()> on_finish;

    const http::RequestHead& request() const override { return request_; }
    const http::Refusal& refusal() const override { return refused; }
    const Address& peer() const override { return peer_; }
    std::string_view peer_ip() const override { return "192.0.2.7"; }
    std::string_view scheme() const override { return "http"; }
    std::unique_ptr<http::Attachment>* attachment() override { return &attached; }
    void observe(http::ClientObserver& who) override { observer = &who; }

    std::string_view body() override {
        consumed_ += reader_.skip(input());
        return reader_.run(input());
    }
    void consume_body(std::size_t length) override {
        reader_.take(length);
        consumed_ += length;
    }
    http::BodyState body_state() const override { return reader_.state(); }
    const char* body_error() const override { return reader_.reason(); }
    std::span<const http::Field> trailers() const override { return reader_.trailers(); }
    bool body_arrived(Bytes most) override { return reader_.has_arrived(input(), most); }
    bool ended() const override { return has_ended; }
    Bytes arrived() const override { return arrived_; }

    bool interim(const http::ResponseHead&) override {
        ++interims;
        return !broken;
    }
    bool send_continue() override {
        ++interims;
        return !broken;
    }
    void begin_reply(const http::ResponseHead& head, const http::ReplyOptions& options) override {
        begin(head.status, options);
    }
    void begin_reply(const http::LocalHead& head, const http::ReplyOptions& options) override {
        begin(head.status, options);
    }
    bool write(std::string_view piece, http::More) override {
        if (!broken) payload += piece;
        return !broken;
    }
    bool write_shared(const http::SharedText& piece) override {
        return write(piece.text, http::More::flush);
    }
    bool end_reply(std::string_view piece, std::span<const http::Field>) override {
        complete = !broken;
        return write(piece, http::More::flush);
    }
    bool begin_tunnel(const http::ResponseHead& head, const http::ReplyOptions& options) override {
        begin(head.status, options);
        tunnel = true;
        reader_.begin_tunnel();
        return !broken;
    }
    std::size_t queued() const override { return pending; }
    void finish(bool left) override {
        body_left = left;
        if (on_finish) on_finish();
    }
    void abort(http::Abort how) override { aborted = how; }

  protected:
    std::string_view input() const { return bytes_.substr(consumed_, arrived_ - consumed_); }

    http1::RequestBodyReader reader_;
    std::size_t arrived_ = 0;
    std::size_t consumed_ = 0;

  private:
    void begin(unsigned code, const http::ReplyOptions& options) {
        status = code;
        last = options.last;
        set_cookie = options.set_cookie;
    }

    const http::RequestHead& request_;
    std::string_view bytes_;
    Address peer_;
};

}  // namespace otto::fakes
