#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "balance/server_connections.h"
#include "net/byte_stream.h"

namespace otto {

class UpstreamConnection;

class UpstreamObserver {
  public:
    /// Something happened on the connection; the callback may destroy it.
    virtual void on_upstream(UpstreamConnection& connection, bool readable, bool writable) = 0;

  protected:
    ~UpstreamObserver() = default;
};

/// An established connection to a server: its stream, and its place among the server's connections.
/// Owned by an attempt, a tunnel, or the pool; used on the worker's thread.
class UpstreamConnection final : private net::StreamObserver {
  public:
    UpstreamConnection(std::unique_ptr<net::ByteStream> stream, ServerConnections::Slot slot);
    ~UpstreamConnection();
    UpstreamConnection(const UpstreamConnection&) = delete;
    UpstreamConnection& operator=(const UpstreamConnection&) = delete;

    void observe(UpstreamObserver* observer) {
        observer_ = observer;
        stream_->observe(observer == nullptr ? nullptr : this);
    }

    // As of net::ByteStream.
    ssize_t receive(char* buffer, std::size_t size) { return stream_->receive(buffer, size); }
    ssize_t send(std::span<iovec> pieces) { return stream_->send(pieces); }
    ssize_t splice_in(int pipe, std::size_t length) { return stream_->splice_in(pipe, length); }
    ssize_t splice_out(int pipe, std::size_t length) { return stream_->splice_out(pipe, length); }
    void end_sending() { stream_->end_sending(); }
    bool readable() const { return stream_->readable(); }
    bool quiet() const { return stream_->quiet(); }
    void rest() { stream_->rest(); }
    bool untouched() { return stream_->untouched(); }
    void read_on_later() { stream_->read_on_later(); }
    std::size_t unacknowledged() const { return stream_->unacknowledged(); }

    /// A request has been answered on it before.
    bool reused() const { return reused_; }
    void mark_reused() { reused_ = true; }

    const ServerConnections::Slot& slot() const { return slot_; }

  private:
    void on_stream(bool readable, bool writable) override {
        observer_->on_upstream(*this, readable, writable);
    }

    ServerConnections::Slot slot_;
    std::unique_ptr<net::ByteStream> stream_;
    bool reused_ = false;
    UpstreamObserver* observer_ = nullptr;
};

}  // namespace otto
