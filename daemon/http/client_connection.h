#pragma once

#include <memory>
#include <string>

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include "event/loop.h"
#include "event/timer.h"
#include "http/client_stream.h"
#include "http/front.h"
#include "http/message.h"

namespace otto::http {

/// One client's connection: the request filter and the stream that its exchanges see. Worker's
/// thread only.
///
/// Two bufferevents are stacked: the socket's, whose callbacks are ours at all times, and over it
/// the filter's, which is evhttp's. Between requests the socket's events are handed on to the
/// filter, whose input filter lets pass one plain request line for evhttp to count requests by;
/// while a request is under way the filter is left alone, and bytes go straight between the socket
/// and the exchange. It is freed by the filter's finaliser, after its last event.
class ClientConnection final : public ClientStream {
  public:
    /// Both bufferevents; null when memory is short. The filter owns everything.
    static bufferevent* open(Front& front);

    ~ClientConnection();

    const RequestHead& request() const override { return received_->head; }
    const Refusal& refusal() const override { return refusal_; }
    const Address& peer() const override { return peer_; }
    std::string_view peer_ip() const override { return peer_ip_; }
    std::string_view scheme() const override { return "http"; }
    bool may_keep_alive() const override;
    void observe(ClientObserver& observer) override { observer_ = &observer; }
    std::string_view body() override;
    void consume_body(std::size_t length) override;
    ssize_t splice_body(int pipe, std::size_t length) override;
    void want_body(bool wanted) override;
    void end_body() override;
    bool send(std::span<iovec> pieces) override { return send(pieces, 0); }
    bool send_more(std::span<iovec> pieces) override;
    void push() override;
    ssize_t splice_reply(int pipe, std::size_t length) override;
    std::size_t queued() const override;
    std::size_t unsent() const override;
    void finish(bool keep_alive, bool body_left) override;
    void abort(bool reset) override;

  private:
    friend class Front;

    enum class Phase : std::uint8_t {
        idle,       // waiting for the first byte of a request, or for the rest of its head
        passed,     // the head has been passed to evhttp, which is about to dispatch it
        busy,       // an exchange is under way
        finishing,  // the reply is complete but not all of it has gone out
        lingering,  // all has gone out; bytes that the client still sends are dropped before the
                    // close
        closed,
    };

    /// What is done when the socket is readable.
    enum class Reading : std::uint8_t {
        buffered,  // libevent reads
        spliced,   // the observer does, by splice_body
        paused,    // nothing: the bytes stay in the kernel
    };

    explicit ClientConnection(Front& front);

    static bufferevent_filter_result filter_input(evbuffer* source, evbuffer* destination,
                                                  ev_ssize_t limit, bufferevent_flush_mode mode,
                                                  void* self);
    static void on_read(bufferevent* socket, void* self);
    static void on_write(bufferevent* socket, void* self);
    static void on_event(bufferevent* socket, short what, void* self);
    static void on_readable(evutil_socket_t fd, short what, void* self);
    static void on_writable(evutil_socket_t fd, short what, void* self);

    bool send(std::span<iovec> pieces, int flags);
    bool read_proxy_header(evbuffer* source);
    void set_peer(const Address& address);
    bufferevent_filter_result read_head(evbuffer* source, evbuffer* destination);
    void pass_on(evbuffer* source, std::size_t drop, evbuffer* destination);
    void begin(evhttp_request* request);
    void await_flush();
    void complete();
    void linger();
    void lost();
    void timed_out();
    void wait_for_request();
    void end_unused();
    void adjust_reading();
    void set_reading(Reading wanted);
    void drop_events();
    /// No byte of a request has come yet: may be closed without harm.
    bool unused() const;
    evbuffer* input() const;

    Front& front_;
    bufferevent* socket_ = nullptr;  // the filter holds the reference
    bufferevent* filter_ = nullptr;
    bufferevent_data_cb filter_read_ = nullptr;
    bufferevent_event_cb filter_event_ = nullptr;
    void* filter_argument_ = nullptr;
    Phase phase_ = Phase::idle;
    bool keep_alive_ = true;
    bool body_left_ = false;
    Reading reading_ = Reading::buffered;
    bool spliced_ = false;          // the rest of the body goes by splice_body
    bool proxy_header_due_ = true;  // the connection may begin with a PROXY header
    std::size_t scanned_ = 0;       // bytes of the socket's input that hold no end of a head
    std::size_t queued_then_ = 0;   // when the progress timer was set
    ClientObserver* observer_ = nullptr;
    evhttp_request* request_ = nullptr;       // evhttp's; set while busy to lingering
    std::unique_ptr<ReceivedHead> received_;  // from the end of the head to the end of the reply
    Refusal refusal_;
    Address peer_;
    std::string peer_ip_;
    Timer timer_;
    EventHandle keeper_;  // a second read event: it saves epoll_ctl calls when evhttp disables and
                          // we enable reading, and tells of bytes to splice
    EventHandle writer_;  // pending while a spliced reply waits for the client
    ClientConnection* next_ = nullptr;
    ClientConnection* previous_ = nullptr;
};

}  // namespace otto::http
