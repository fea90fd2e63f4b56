#pragma once

#include <memory>
#include <span>
#include <string>

#include "http/client_stream.h"
#include "proxy/attempt.h"
#include "proxy/upstream_connection.h"
#include "proxy/workspace.h"

namespace otto {

/// What a connection becomes after 101 (RFC 9110 §7.8): bytes go both ways as they come, until the
/// server ends. When the client does, the server gets the rest of what it said and is told; what it
/// still has to say is waited for as long as it makes progress. Each side is read only while little
/// waits for the other. Of one worker's thread; owned by its exchange, which it may be destroyed by
/// in any call.
class Tunnel final : private UpstreamObserver {
  public:
    Tunnel(AttemptObserver& observer, Workspace& workspace, const Snapshot& snapshot,
           http::ClientStream& client, ServerCounters& counters,
           std::unique_ptr<UpstreamConnection> connection);
    Tunnel(const Tunnel&) = delete;
    Tunnel& operator=(const Tunnel&) = delete;

    /// Sends what the server sent after its 101, and goes on.
    void start(std::span<char> first);
    void on_client_body();
    void on_client_drained();
    void on_client_end();
    /// Bytes that the server has not taken.
    std::size_t unsent() const { return out_.size() - out_sent_ + connection_->unacknowledged(); }
    /// Bytes from the client that went to the server so far, and the other way.
    Bytes received() const { return received_; }
    Bytes relayed() const { return relayed_; }

  private:
    void on_upstream(UpstreamConnection& connection, bool readable, bool writable) override;
    bool push();
    bool pull();
    bool relay(std::span<char> bytes);

    AttemptObserver& observer_;
    Workspace& workspace_;
    http::ClientStream& client_;
    ServerCounters& counters_;
    Duration limit_;
    const Duration last_limit_;  // once the client has ended
    bool client_ended_ = false;
    const Bytes buffer_;
    std::unique_ptr<UpstreamConnection> connection_;
    std::string out_;  // from the client, not taken by the kernel yet
    std::size_t out_sent_ = 0;
    Bytes received_ = 0;
    Bytes relayed_ = 0;
};

}  // namespace otto
