#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/handle.h"
#include "base/result.h"
#include "event/loop.h"

struct bufferevent;
struct evconnlistener;
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_connection;
struct evhttp_request;

namespace otto::accept {

class Acceptor;

/// evhttp's part in a client's connection. Owned by an Arrival; used on its thread.
class EvhttpPart {
  public:
    EvhttpPart(Acceptor& acceptor, evhttp_connection* connection)
        : acceptor_(&acceptor), connection_(connection) {}
    EvhttpPart(EvhttpPart&& other) noexcept
        : acceptor_(other.acceptor_),
          connection_(std::exchange(other.connection_, nullptr)),
          request_(std::exchange(other.request_, nullptr)) {}
    EvhttpPart& operator=(EvhttpPart&&) = delete;
    ~EvhttpPart() { end(); }

    /// Has evhttp dispatch the first request. The others are not its affair.
    void dispatch();
    bool dispatched() const { return request_ != nullptr; }
    /// Has evhttp end the connection, which shuts the descriptor down: before it is closed.
    void end();

  private:
    friend class Acceptor;

    Acceptor* acceptor_;
    evhttp_connection* connection_;
    evhttp_request* request_ = nullptr;
};

/// A client's connection.
struct Accepted {
    UniqueFd fd;
    Address peer;  // none for a UNIX socket
    EvhttpPart evhttp;
};

/// What an acceptor notifies.
class AcceptorObserver {
  public:
    /// A connection has been accepted: on_accepted() or on_vanished() follows in this turn.
    virtual void on_accepting() = 0;
    virtual void on_accepted(Accepted accepted) = 0;
    /// The client has gone away since.
    virtual void on_vanished() = 0;
    virtual void on_accept_failed(int error_number) = 0;

  protected:
    ~AcceptorObserver() = default;
};

/// evhttp, and all that Otto relies on in it. It accepts clients' connections, dispatches the first
/// request of each, and ends them. No byte passes through it. Owned by a listener; used on its
/// thread.
///
/// The rules:
///
///  - evhttp gets one bufferevent for all connections (evhttp_set_bevcb()), because each would cost
///    a kilobyte: every connection holds a reference. evhttp sets the bufferevent's descriptor and
///    callbacks after the callback that returns it. Hence a connection is claimed later: when the
///    next one comes, at the end of a connection, which clears the callbacks, or by an event of its
///    own in the same turn of the loop. The bufferevent loses the descriptor again.
///  - A request is dispatched by one plain request line in the bufferevent's input and a call of
///    evhttp's read callback with the connection as its argument. evhttp then takes itself to be
///    busy with this request until the connection ends. The read callback is not called again for
///    the connection: evhttp would end the process (event_errx).
///  - The request is of HTTP/1.0, so that evhttp_send_reply_end() ends the connection. Without a
///    request evhttp_connection_free() does.
///  - evhttp remembers the descriptor and shuts it down at the end (shutdown(2)). Hence evhttp's
///    end comes before the descriptor is closed: its number may belong to another connection then.
class Acceptor {
  public:
    static Result<std::unique_ptr<Acceptor>> open(const Loop& loop, AcceptorObserver& observer);
    ~Acceptor();
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    /// Accepts connections on a listening, non-blocking socket.
    Status listen(UniqueFd socket);
    /// Closes the listening sockets.
    void stop_listening();
    void set_accepting(bool on);
    /// Claims the connection that was accepted last, now.
    void settle();

  private:
    friend class EvhttpPart;

    Acceptor(const Loop& loop, AcceptorObserver& observer);

    static bufferevent* make_bufferevent(event_base* base, void* self);
    static void on_request(evhttp_request* request, void* self);
    static void on_failed(evconnlistener* listener, void* unused);

    const Loop& loop_;
    AcceptorObserver& observer_;
    std::unique_ptr<bufferevent, void (*)(bufferevent*)> shared_;
    std::unique_ptr<evhttp, void (*)(evhttp*)> evhttp_;
    std::vector<evhttp_bound_socket*> listeners_;  // owned by evhttp_
    bool unclaimed_ = false;                       // a connection
    void (*read_)(bufferevent*, void*) = nullptr;  // evhttp's read callback
    EvhttpPart* dispatching_ = nullptr;            // within dispatch()
    EventHandle settle_;
};

}  // namespace otto::accept
