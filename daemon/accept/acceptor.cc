#include "accept/acceptor.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <sys/socket.h>

namespace otto::accept {

namespace {

constexpr std::string_view plain_request = "GET / HTTP/1.0\r\n\r\n";

/// evhttp keeps the argument of its listeners' callbacks to itself, so that the error callback
/// finds its acceptor here.
thread_local std::vector<Acceptor*> of_this_thread;

/// What evhttp knows of the peer saves a system call. Of a UNIX socket it has no port.
Result<Address> peer_of(evhttp_connection* connection, int fd) {
    char* host = nullptr;
    ev_uint16_t port = 0;
    evhttp_connection_get_peer(connection, &host, &port);
    if (port != 0) {
        if (auto address = Address::from_ip(host, port)) return address;
    }
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0)
        return Error::from_errno("getpeername");
    const bool is_ip = peer.ss_family == AF_INET || peer.ss_family == AF_INET6;
    return is_ip ? Address(reinterpret_cast<const sockaddr*>(&peer), length) : Address();
}

}  // namespace

Result<std::unique_ptr<Acceptor>> Acceptor::open(const Loop& loop, AcceptorObserver& observer) {
    std::unique_ptr<Acceptor> acceptor(new Acceptor(loop, observer));
    if (!acceptor->shared_ || !acceptor->evhttp_) return Error{"out of memory"};
    evhttp_set_allowed_methods(acceptor->evhttp_.get(), EVHTTP_REQ_GET);
    evhttp_set_bevcb(acceptor->evhttp_.get(), make_bufferevent, acceptor.get());
    evhttp_set_gencb(acceptor->evhttp_.get(), on_request, acceptor.get());
    return acceptor;
}

Acceptor::Acceptor(const Loop& loop, AcceptorObserver& observer)
    : loop_(loop),
      observer_(observer),
      shared_(bufferevent_socket_new(loop.base(), -1, BEV_OPT_CLOSE_ON_FREE), bufferevent_free),
      evhttp_(evhttp_new(loop.base()), evhttp_free),
      settle_(event_new(
          loop.base(), -1, 0,
          [](evutil_socket_t, short, void* self) { static_cast<Acceptor*>(self)->settle(); },
          this)) {}

Acceptor::~Acceptor() {
    std::erase(of_this_thread, this);
}

Status Acceptor::listen(UniqueFd socket) {
    if (listeners_.empty()) of_this_thread.push_back(this);  // open() ran on another thread
    const int fd = socket.get();
    evconnlistener* listener = evconnlistener_new(
        loop_.base(), nullptr, nullptr, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (listener == nullptr) return Error::from_errno("cannot accept connections");
    static_cast<void>(socket.release());
    evhttp_bound_socket* bound = evhttp_bind_listener(evhttp_.get(), listener);
    if (bound == nullptr) {
        evconnlistener_free(listener);
        return Error{"out of memory"};
    }
    evconnlistener_set_error_cb(listener, on_failed);
    listeners_.push_back(bound);
    return {};
}

void Acceptor::stop_listening() {
    for (evhttp_bound_socket* each : listeners_) evhttp_del_accept_socket(evhttp_.get(), each);
    listeners_.clear();
}

void Acceptor::set_accepting(bool on) {
    for (evhttp_bound_socket* each : listeners_) {
        evconnlistener* listener = evhttp_bound_socket_get_listener(each);
        on ? evconnlistener_enable(listener) : evconnlistener_disable(listener);
    }
}

void Acceptor::on_failed(evconnlistener* listener, void*) {
    const int reason = errno;
    for (Acceptor* each : of_this_thread) {
        const bool its_own =
            std::ranges::find(each->listeners_, listener, evhttp_bound_socket_get_listener) !=
            each->listeners_.end();
        if (its_own) each->observer_.on_accept_failed(reason);
    }
}

bufferevent* Acceptor::make_bufferevent(event_base*, void* self) {
    auto& acceptor = *static_cast<Acceptor*>(self);
    acceptor.settle();
    acceptor.observer_.on_accepting();
    acceptor.unclaimed_ = true;
    event_active(acceptor.settle_.get(), EV_READ, 0);
    bufferevent_incref(acceptor.shared_.get());
    return acceptor.shared_.get();
}

void Acceptor::settle() {
    if (!std::exchange(unclaimed_, false)) return;
    void* connection = nullptr;
    bufferevent_getcb(shared_.get(), &read_, nullptr, nullptr, &connection);
    EvhttpPart evhttp(*this, static_cast<evhttp_connection*>(connection));
    UniqueFd fd(bufferevent_getfd(shared_.get()));
    bufferevent_setfd(shared_.get(), -1);
    const auto peer = peer_of(evhttp.connection_, fd.get());
    if (peer) {
        observer_.on_accepted({std::move(fd), *peer, std::move(evhttp)});
    } else {
        evhttp.end();
        observer_.on_vanished();
    }
}

void Acceptor::on_request(evhttp_request* request, void* self) {
    auto& acceptor = *static_cast<Acceptor*>(self);
    std::exchange(acceptor.dispatching_, nullptr)->request_ = request;
}

void EvhttpPart::dispatch() {
    Acceptor& acceptor = *acceptor_;
    bufferevent* shared = acceptor.shared_.get();
    evbuffer_add(bufferevent_get_input(shared), plain_request.data(), plain_request.size());
    acceptor.dispatching_ = this;
    acceptor.read_(shared, connection_);
}

void EvhttpPart::end() {
    if (connection_ == nullptr) return;
    acceptor_->settle();
    evhttp_connection* connection = std::exchange(connection_, nullptr);
    if (request_ != nullptr) {
        evhttp_send_reply_end(std::exchange(request_, nullptr));
    } else {
        evhttp_connection_free(connection);
    }
}

}  // namespace otto::accept
