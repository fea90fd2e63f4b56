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
/// server ends. When the client does, the server gets the rest of what it sent, then the end; what
/// the server still sends is relayed as long as it makes progress. Each side is read only while
/// little waits for the other. Owned by its exchange, used on one worker's thread. It ends before
/// it makes the last call to its observer, and ignores all events from then on, as an attempt does.
class Tunnel final : private UpstreamObserver {
  public:
    Tunnel(AttemptObserver& observer, Workspace& workspace, const Snapshot& snapshot,
           http::ClientStream& client, ServerCounters& counters,
           std::unique_ptr<UpstreamConnection> connection);
    Tunnel(const Tunnel&) = delete;
    Tunnel& operator=(const Tunnel&) = delete;

    /// Relays what the server sent after its 101, then whatever comes.
    void start(std::span<char> first);
    /// Ends it without a notification. Closes the connection. Harmless when it has ended.
    void end();
    void on_client_body();
    void on_client_drained();
    void on_client_end();
    /// Bytes that the server has not taken.
    std::size_t unsent() const {
        return out_.size() - out_sent_ + (connection_ ? connection_->unacknowledged() : 0);
    }
    /// Bytes from the client that went to the server so far, and the other way.
    Bytes received() const { return received_; }
    Bytes relayed() const { return relayed_; }

  private:
    void on_upstream(UpstreamConnection& connection, bool readable, bool writable) override;
    void push();
    void pull();
    void relay(std::span<char> bytes);
    AttemptObserver& last_call();

    AttemptObserver* observer_;  // null once it has ended
    Workspace& workspace_;
    http::ClientStream& client_;
    ServerCounters& counters_;
    Duration limit_;
    const Duration last_limit_;  // once the client has ended
    bool client_ended_ = false;
    bool end_sent_ = false;  // to the server
    const Bytes buffer_;
    std::unique_ptr<UpstreamConnection> connection_;
    std::string out_;  // from the client, not taken by the kernel yet
    std::size_t out_sent_ = 0;
    Bytes received_ = 0;
    Bytes relayed_ = 0;
};

}  // namespace otto
