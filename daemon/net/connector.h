#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/address.h"
#include "base/time.h"
#include "event/loop.h"
#include "event/timer.h"
#include "net/byte_stream.h"

namespace otto::net {

/// What a connector notifies. It may be destroyed in each of these calls.
class ConnectorObserver {
  public:
    /// The connection is up; Connector::take() has it.
    virtual void on_connected() = 0;
    /// The current address has failed with this errno of socket(2) or connect(2): next() goes on.
    virtual void on_address_failed(int error_number) = 0;
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
/// first. It has no limit on time: its caller gives a silent address up by next(), or everything by
/// destroying the connector. Owned by an attempt or a probe; used on the loop's thread.
class Connector final : private StreamObserver {
  public:
    /// `addresses` outlive the connector; `first` is the index of the preferred one.
    Connector(const Loop& loop, std::span<const Address> addresses, std::size_t first,
              ConnectorObserver& observer);
    ~Connector();
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;

    /// Connects to the current address. May notify the observer before it returns.
    void go_on();
    /// Gives the current address up and makes the next one current. False when each was tried.
    bool next();
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
    void failed(int error_number);

    const Loop& loop_;
    const std::span<const Address> addresses_;
    ConnectorObserver& observer_;
    std::size_t index_;
    std::size_t left_;
    bool backlog_full_ = false;
    Duration delay_{};  // until the next connect(2)
    std::unique_ptr<ByteStream> stream_;
    std::optional<Timer> retry_;  // made when it is needed, which is rare
};

}  // namespace otto::net
