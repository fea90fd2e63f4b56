#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/address.h"
#include "base/time.h"
#include "event/deferred.h"
#include "event/loop.h"
#include "event/timer.h"
#include "net/byte_stream.h"

namespace otto::net {

/// What a connector notifies. It may be destroyed in on_connected() and on_failed() alone.
class ConnectorObserver {
  public:
    /// The connection is up; Connector::take() has it.
    virtual void on_connected() = 0;
    /// The last address has failed, too, with this errno of socket(2) or connect(2).
    virtual void on_failed(int error_number) = 0;
    /// The current address has failed. The connector continues with the next one, or on_failed()
    /// follows; Connector::skip_others() decides for the latter.
    virtual void on_address_failed(int /*error_number*/) {}
    /// The backlog of a UNIX socket is full: on_retry() follows.
    virtual void on_backlog_full() = 0;
    /// It is time to call go_on().
    virtual void on_retry() = 0;
    /// The process has no descriptor left. Whether one has been freed.
    virtual bool on_descriptors_short() { return false; }

  protected:
    ~ConnectorObserver() = default;
};

/// Brings up one connection to a server: connects to its addresses in turn, the preferred one
/// first, for a slice of time in a turn of the loop. It has no limit on the time of all: its caller
/// gives a silent address up by next(), or everything by cancel(). Owned by an attempt or a probe;
/// used on the loop's thread.
class Connector final : private StreamObserver {
  public:
    /// `addresses` outlive the connector; `first` is the index of the preferred one.
    Connector(const Loop& loop, std::span<const Address> addresses, std::size_t first,
              ConnectorObserver& observer);
    ~Connector();
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;

    /// Connects to the current address, then to the next ones until one does not fail. May notify
    /// the observer before it returns.
    void go_on();
    /// Gives the current address up and makes the next one current. False when each was tried.
    bool next();
    /// The current address is the last one.
    void skip_others() { left_ = 1; }
    /// Stops connecting.
    void cancel();

    /// Addresses that have not failed, the current one included.
    std::size_t left() const { return left_; }
    /// The index of the current address.
    std::size_t index() const { return index_; }
    const Address& address() const { return addresses_[index_]; }
    /// connect(2) has to wait for a place in a backlog.
    bool backlog_full() const { return backlog_full_; }
    /// The connection, which belongs to the caller from on_connected() on.
    std::unique_ptr<ByteStream> take() { return std::move(stream_); }

  private:
    void on_stream(bool readable, bool writable) override;
    int connect();
    void proceed(int error_number);
    void await_backlog();

    const Loop& loop_;
    const std::span<const Address> addresses_;
    ConnectorObserver& observer_;
    std::size_t index_;
    std::size_t left_;
    bool backlog_full_ = false;
    Duration delay_{};  // until the next connect(2)
    std::unique_ptr<ByteStream> stream_;
    // Made when they are needed, which is rare.
    std::optional<Timer> retry_;
    std::optional<Deferred> later_;  // for the addresses that this turn has no time for
};

}  // namespace otto::net
