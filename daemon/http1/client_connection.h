#pragma once

#include <memory>
#include <string>

#include <event2/buffer.h>

#include "base/handle.h"
#include "http/client_stream.h"
#include "http/message.h"
#include "http1/append_response.h"
#include "http1/connection_context.h"
#include "net/byte_stream.h"
#include "net/connection_owner.h"

namespace otto::http1 {

/// One client's connection that speaks HTTP/1: its requests' heads, and the stream that its
/// exchanges see. Owned by what has accepted it, which calls start() once, and timed_out() when the
/// link's timer fires. Worker's thread only.
class ClientConnection final : public http::ClientStream, private net::StreamObserver {
  public:
    ClientConnection(net::ConnectionOwner& owner, net::ClientLink& link,
                     ConnectionContext& context);

    /// `bytes` are the first that have been read of it.
    void start(std::string_view bytes);
    void timed_out();
    /// It waits for a request, or for the rest of its head.
    bool idle() const { return phase_ == Phase::idle; }
    /// No byte of a request has come yet, but for empty lines before one: may be closed without
    /// harm.
    bool unused() const;
    /// Ends it at once; harmless when it has ended.
    void lost();

    const http::RequestHead& request() const override { return received_->head; }
    const http::Refusal& refusal() const override { return received_->refusal; }
    const Address& peer() const override { return link_.peer; }
    std::string_view peer_ip() const override { return peer_ip_; }
    std::string peer_process() const override;
    std::optional<uid_t> peer_user() const override;
    std::string_view scheme() const override { return "http"; }
    std::unique_ptr<http::Attachment>* attachment() override { return &attachment_; }
    void observe(http::ClientObserver& observer) override { observer_ = &observer; }
    std::string_view body() override;
    void consume_body(std::size_t length) override;
    http::BodyState body_state() const override { return received_->body.state(); }
    const char* body_error() const override { return received_->body.reason(); }
    std::span<const http::Field> trailers() const override { return received_->body.trailers(); }
    bool body_arrived(Bytes most) override;
    Bytes spliceable() const override;
    ssize_t splice_body(int pipe, std::size_t length) override;
    void want_body(bool wanted) override;
    bool ended() const override { return half_close_ == HalfClose::happened; }
    bool interim(const http::ResponseHead& head) override;
    bool send_continue() override;
    void begin_reply(const http::ResponseHead& head, const http::ReplyOptions& options) override;
    void begin_reply(const http::LocalHead& head, const http::ReplyOptions& options) override;
    bool write(std::string_view payload, http::More more) override;
    bool write_shared(const http::SharedText& payload) override;
    bool end_reply(std::string_view payload, std::span<const http::Field> trailers) override;
    bool begin_tunnel(const http::ResponseHead& head, const http::ReplyOptions& options) override;
    bool splices_reply() const override { return as_sent_ == http::Framing::length; }
    ssize_t splice_reply(int pipe, std::size_t length) override;
    void push() override;
    std::size_t queued() const override;
    std::size_t unsent() const override;
    Bytes arrived() const override { return arrived_; }
    Bytes delivered() const override;
    bool blocked() const override { return awaits_writable_; }
    bool paused() const override { return reading_ == Reading::paused; }
    void finish(bool body_left) override;
    void abort(http::Abort how) override;

  private:
    enum class Phase : std::uint8_t {
        idle,       // waiting for the first byte of a request, or for the rest of its head
        busy,       // an exchange is under way
        finishing,  // the reply is complete but not all of it has gone out
        lingering,  // all has gone out; bytes that the client still sends are dropped before the
                    // close
        closed,
    };

    /// What is done when the socket is readable.
    enum class Reading : std::uint8_t {
        buffered,  // it is read
        spliced,   // the observer reads, by splice_body
        paused,    // nothing: the bytes stay in the kernel
    };

    enum class HalfClose : std::uint8_t { is_the_end, allowed, happened };

    void on_stream(bool readable, bool writable) override;
    bool may_keep_alive() const;
    bool client_is_http10() const { return received_->head.version_minor == 0; }
    ReplyFraming begin_reply(http::Framing as_sent, const http::ReplyOptions& options);
    bool put(std::string_view payload, bool last = false,
             std::span<const http::Field> trailers = {}, int flags = 0,
             const std::shared_ptr<const void>* owner = nullptr);
    bool send_head();
    void allow_half_close() {
        if (half_close_ == HalfClose::is_the_end) half_close_ = HalfClose::allowed;
    }
    void spliced_in(std::size_t length);
    void end_splicing();
    /// `owner`: of `pieces[shared]`; null: no piece is shared.
    bool send(std::span<iovec> pieces, int flags = 0, std::size_t shared = 0,
              const std::shared_ptr<const void>* owner = nullptr);
    bool queue(const iovec& rest, const std::shared_ptr<const void>* owner);
    void read();
    void read_on();
    bool expects_bytes() const;
    void check_hangup();
    void await_writable();
    void write_queued();
    void read_head(std::string_view bytes);
    void wait_for_rest();
    void stay_idle();
    void dispatch();
    void begin();
    void await_flush();
    void check_flush();
    void complete();
    void linger();
    void wait_for_request();
    void adjust_reading();
    void set_reading(Reading wanted);
    bool had_request() const { return !peer_ip_.empty(); }
    /// Bytes that have arrived and belong to a body or to later requests.
    std::string_view rest() const { return received_ ? received_->rest() : std::string_view(); }
    void keep(std::string_view bytes);

    net::ConnectionOwner& owner_;
    net::ClientLink& link_;
    ConnectionContext& context_;
    Phase phase_ = Phase::idle;
    bool keep_alive_ = true;
    bool body_left_ = false;
    bool head_held_ = false;  // ConnectionContext::reply_head is to go out before what follows
    http::Framing as_sent_ = http::Framing::none;  // of the reply
    Reading reading_ = Reading::buffered;
    bool spliced_ = false;  // the rest of the body goes by splice_body()
    HalfClose half_close_ = HalfClose::is_the_end;
    bool next_due_ = false;         // a pipelined request is to be read before the socket
    bool awaits_writable_ = false;  // something is queued, or a spliced reply waits
    bool head_begun_ = false;       // a byte of a request has come
    std::size_t scanned_ = 0;       // bytes of the rest that hold no end of a head
    Bytes arrived_ = 0;             // so far
    Bytes sent_ = 0;                // so far, those that are queued included
    http::ClientObserver* observer_ = nullptr;
    std::unique_ptr<http::Attachment> attachment_;
    std::unique_ptr<Received> received_;                        // null while idle
    std::string peer_ip_;                                       // from the first request on
    std::unique_ptr<evbuffer, Deleter<evbuffer_free>> output_;  // null until something is queued
};

}  // namespace otto::http1
