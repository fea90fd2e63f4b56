#include "proxy/attempt.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "proxy/snapshot.h"
#include "proxy/worker.h"

namespace otto {

namespace {

bool wants_file(int error_number) {
    return error_number == EMFILE || error_number == ENFILE;
}

Failure connect_failure(int error_number) {
    switch (error_number) {
        case ECONNREFUSED:
        case ENOENT:
            return Failure::refused;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            return Failure::local;
        default:
            return Failure::connect_failed;
    }
}

}  // namespace

Attempt::Attempt(AttemptObserver& observer, Worker& worker, const Snapshot& snapshot,
                 Server& server, http::ClientStream& client, RequestBody& body)
    : observer_(observer),
      worker_(worker),
      snapshot_(snapshot),
      server_(server),
      counters_(worker.counters_of(server)),
      client_(client),
      request_body_(body),
      request_pipe_(worker.pipes()),
      reply_pipe_(worker.pipes()),
      out_(worker.take_buffer()) {}

Attempt::~Attempt() {
    worker_.give_buffer(std::move(out_));
}

bool Attempt::client_is_http10() const {
    return client_.request().version_minor == 0;
}

bool Attempt::request_complete() const {
    return out_.empty() && request_pipe_.held() == 0 &&
           request_body_.state() == RequestBody::State::complete;
}

std::size_t Attempt::unsent() const {
    return out_.size() - out_sent_ + request_pipe_.held() + reply_pipe_.held() +
           (connection_ ? connection_->unacknowledged() : 0);
}

// ---- connecting --------------------------------------------------------------------------------

void Attempt::start(std::string_view head, bool fresh) {
    out_.assign(head).append(request_body_.taken());
    request_body_.begin_attempt();
    if (!fresh) connection_ = worker_.pool().take(server_);
    if (connection_) {
        connection_->observe(this);
        connected();
        return;
    }
    address_ = server_.preferred();
    observer_.on_progress(snapshot_.config.timeouts.connect);
    connect_next();
}

/// Tries the server's addresses in turn, the one that answered last first: a name with several is
/// one server.
void Attempt::connect_next() {
    const auto& addresses = server_.addresses;
    int failure = EHOSTUNREACH;
    while (addresses_tried_ < addresses.size()) {
        address_ = (server_.preferred() + addresses_tried_++) % addresses.size();
        auto connection = UpstreamConnection::connect(worker_.loop(), addresses[address_]);
        if (!connection && wants_file(connection.error().number) && worker_.make_room())
            connection = UpstreamConnection::connect(worker_.loop(), addresses[address_]);
        if (!connection) {
            failure = connection.error().number;
            continue;
        }
        connection_ = std::move(*connection);
        connection_->observe(this);
        if (connection_->connected()) connected();
        return;
    }
    fail(connect_failure(failure),
         addresses.empty() ? "its name does not resolve" : std::strerror(failure));
}

void Attempt::connect_settled(int failure) {
    if (failure == EINPROGRESS) return;
    if (failure == 0) {
        connected();
        return;
    }
    connection_.reset();
    if (addresses_tried_ < server_.addresses.size()) {
        connect_next();
    } else {
        fail(connect_failure(failure), std::strerror(failure));
    }
}

void Attempt::connected() {
    if (!connection_->reused()) {
        counters_.connections.add();
        server_.note_connected();
        if (server_.preferred() != address_) server_.set_preferred(address_);
    }
    phase_ = Phase::head;
    observer_.on_connected(connection_->reused());
    if (push_request() && connection_->readable()) receive();
}

void Attempt::on_upstream(UpstreamConnection&, bool readable, bool writable) {
    if (phase_ == Phase::connecting) {
        connect_settled(connection_->finish_connecting());
        return;
    }
    if (writable && (!out_.empty() || request_pipe_) && !push_request()) return;
    if (readable) receive();
}

void Attempt::complete() {
    phase_ = Phase::over;
    const bool reusable = server_keeps_alive_ && !reply_.surplus() && request_complete() &&
                          !send_broken_ && !worker_.draining() &&
                          (connection_->quiet() || connection_->untouched());
    connection_->observe(nullptr);
    if (reusable) worker_.pool().put(server_, std::move(connection_));
    observer_.on_reply_complete(client_keeps_alive_);
}

void Attempt::fail(Failure failure, std::string_view detail) {
    phase_ = Phase::over;
    if (connection_) connection_->observe(nullptr);
    observer_.on_attempt_failed(failure, detail);
}

}  // namespace otto
