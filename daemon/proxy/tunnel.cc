#include "proxy/tunnel.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "event/slice.h"
#include "proxy/snapshot.h"

namespace otto {

Tunnel::Tunnel(AttemptObserver& observer, Workspace& workspace, const Snapshot& snapshot,
               http::ClientStream& client, ServerCounters& counters,
               std::unique_ptr<UpstreamConnection> connection)
    : observer_(&observer),
      workspace_(workspace),
      client_(client),
      counters_(counters),
      limit_(snapshot.config.timeouts.tunnel),
      last_limit_(std::min(limit_, snapshot.config.timeouts.progress)),
      buffer_(snapshot.config.limits.per_request_buffer),
      connection_(std::move(connection)) {}

void Tunnel::start(std::span<char> first) {
    connection_->observe(this);
    client_ended_ = client_.ended();
    if (client_ended_) limit_ = last_limit_;
    observer_->on_progress(limit_);
    if (!first.empty()) relay(first);
    push();
    pull();
}

void Tunnel::end() {
    observer_ = nullptr;
    connection_.reset();
    const std::string freed = std::move(out_);
    out_.clear();
    out_sent_ = 0;
}

/// Ends the tunnel, and returns its observer for the last call.
AttemptObserver& Tunnel::last_call() {
    AttemptObserver& observer = *observer_;
    end();
    return observer;
}

void Tunnel::on_client_body() {
    push();
}

void Tunnel::on_client_end() {
    client_ended_ = true;
    limit_ = last_limit_;
    observer_->on_progress(limit_);
    push();
}

void Tunnel::on_client_drained() {
    observer_->on_progress(limit_);
    pull();
}

void Tunnel::on_upstream(UpstreamConnection&, bool readable, bool writable) {
    if (writable) push();
    if (readable) pull();
}

/// From the client to the server.
void Tunnel::push() {
    while (connection_) {
        for (std::string_view bytes = client_.body(); !bytes.empty() && out_.size() < buffer_;
             bytes = client_.body()) {
            const std::string_view taken = bytes.substr(0, static_cast<std::size_t>(buffer_));
            out_.append(taken);
            client_.consume_body(taken.size());
        }
        if (out_.empty()) {
            // Once: shutdown(2) wakes the loop each time, which would call this again.
            if (client_ended_ && !std::exchange(end_sent_, true)) connection_->end_sending();
            return;
        }
        iovec rest{out_.data() + out_sent_, out_.size() - out_sent_};
        const ssize_t taken = connection_->send({&rest, 1});
        if (taken < 0) {
            if (errno == EAGAIN) return;
            if (errno == EINTR) continue;
            const char* const reason = std::strerror(errno);
            last_call().on_reply_cut(reason, http::Abort::close);
            return;
        }
        observer_->on_progress(limit_);
        out_sent_ += static_cast<std::size_t>(taken);
        received_ += static_cast<Bytes>(taken);
        counters_.sent.add(static_cast<Bytes>(taken));
        if (out_sent_ < out_.size()) return;  // the next edge continues
        out_.clear();
        out_sent_ = 0;
    }
}

/// From the server to the client.
void Tunnel::pull() {
    const std::span<char> buffer = workspace_.scratch(buffer_);
    Slice slice;
    while (connection_ && client_.queued() == 0) {  // on_client_drained continues
        const ssize_t length = connection_->receive(buffer.data(), buffer.size());
        if (length > 0) {
            counters_.received.add(static_cast<Bytes>(length));
            relay(buffer.first(static_cast<std::size_t>(length)));
            if (!connection_ || slice.spend(static_cast<Bytes>(length))) continue;
            connection_->read_on_later();
            return;
        }
        if (length == 0) {
            last_call().on_reply_complete();
            return;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return;
        const char* const reason = std::strerror(errno);
        last_call().on_reply_cut(reason, http::Abort::reset);
        return;
    }
}

void Tunnel::relay(std::span<char> bytes) {
    relayed_ += bytes.size();
    observer_->on_progress(limit_);
    if (!client_.write({bytes.data(), bytes.size()})) last_call().on_client_broken();
}

}  // namespace otto
