#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "balance/server.h"
#include "base/time.h"
#include "event/deferred.h"
#include "event/loop.h"
#include "event/timer.h"
#include "net/byte_stream.h"
#include "net/connector.h"

namespace otto {

/// What a probe found out.
struct ProbeResult {
    enum class Outcome : std::uint8_t {
        passed,
        failed,
        inconclusive,  // Otto itself lacked descriptors: says nothing about the server
        skipped,       // requests have all of the server's places
    };
    Outcome outcome = Outcome::failed;
    std::string reason;      // of a failure, for people: "status 503", "connection refused", …
    bool refused = false;    // no address had anyone listening
    bool connected = false;  // the last address that was tried accepted a connection
};

/// One check of one server, under way from its construction on. Destroying it cancels it. The
/// server's addresses are tried one after another, the preferred one first, until one answers,
/// which becomes the preferred one; `timeout` covers all of it. Control thread only.
class Probe : private net::ConnectorObserver, private net::StreamObserver {
  public:
    /// A connection to the server has been closed, which may have left its place to this one.
    void place_freed();

    /// Called once, from the loop and never from the constructor; may destroy the probe.
    using OnDone = std::function<void(ProbeResult)>;

    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;
    virtual ~Probe();

  protected:
    Probe(const Loop& loop, std::shared_ptr<Server> server, Duration timeout, OnDone on_done);

    /// The connection to an address is up: starts again on stream(). Both hooks may end in
    /// answered() or give_up_address(), after which they must return without touching the probe.
    virtual void begin() = 0;
    /// stream() is readable or writable (edge-triggered).
    virtual void on_ready() = 0;
    /// Bytes have come.
    void heard();

    net::ByteStream& stream() { return *stream_; }
    /// The server has answered at this address: the probe is over.
    void answered(bool passed, std::string reason);
    /// No answer from this address: goes on with the next one.
    void give_up_address(std::string reason, bool refused = false);

  private:
    void start();
    bool take_place();
    void connect();
    void next_address();
    void share_time(std::size_t addresses);
    void on_connected() override;
    void on_address_failed(int error_number) override;
    void on_failed(int error_number) override;
    void on_backlog_full() override;
    void on_retry() override;
    void on_stream(bool readable, bool writable) override;
    void make_way();
    void timed_out();
    void disconnect();
    void note_failure(std::string reason, bool refused);
    void finish(ProbeResult result);

    const Loop& loop_;
    std::shared_ptr<Server> server_;
    Duration timeout_;
    OnDone on_done_;
    TimePoint deadline_;
    bool connected_ = false;
    ProbeResult failure_;  // the most telling one so far
    Deferred start_;
    Timer timer_;
    Timer silence_;  // on the connection, within the limits of timer_
    bool waits_for_place_ = false;
    bool heard_ = false;                            // a byte, on this connection
    std::optional<ServerConnections::Want> wants_;  // a place
    ServerConnections::Answer answer_;
    ServerConnections::Slot slot_;
    net::Connector connector_;
    std::unique_ptr<net::ByteStream> stream_;
};

/// "2s", "250ms".
std::string text_of(Duration duration);

}  // namespace otto
