#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accept/acceptor.h"
#include "accept/eviction_order.h"
#include "base/address.h"
#include "http1/client_connection.h"
#include "http1/connection_context.h"
#include "net/byte_stream.h"
#include "net/connection_owner.h"

namespace otto::accept {

class ConnectionTable;

/// What the arrivals of one thread share. Owned by its listener.
struct ArrivalContext {
    http1::ConnectionContext& connections;
    /// A trusted proxy has sent something else than a PROXY header. The connection is closed.
    std::function<void(const Address& peer, const char* reason)> on_bad_proxy_header;
    bool proxy_protocol = false;  // trusted proxies begin with a PROXY header
    std::vector<Cidr> trusted_proxies;

    bool is_trusted(const Address& address) const;
};

/// A client's connection, from its acceptance to its end. It arrives in stages:
///
///  1. accepted: it waits to be started, in the same turn of the loop or soon after.
///  2. first bytes: nothing has come yet. The first bytes decide what follows, by the configuration
///     of that time.
///  3. PROXY header, if the peer is a proxy that must send one. It names the client.
///  4. The protocol's connection takes over, with the bytes that are left. So far that is HTTP/1.
///     TLS and ALPN will stand before it, and ALPN will choose the protocol.
///
/// Owned by the table; of its thread. The link and evhttp's part stay here at every stage. At the
/// end, all that uses the connection lets go of it, then evhttp ends it, then its descriptor is
/// closed.
class Arrival final : public EvictionOrder::Entry,
                      private net::ConnectionOwner,
                      private net::StreamObserver {
  public:
    Arrival(ConnectionTable& table, ArrivalContext& context, Accepted accepted);

    /// Once, before anything else. Reads at once: the request of a new connection has often come
    /// with it.
    void start();
    /// No byte of a request or of a PROXY header has come, but for empty lines: may be closed
    /// without harm.
    bool unused() const;
    /// While the thread drains. A request that has arrived in the kernel is still answered, and a
    /// connection that was accepted a moment ago may still send the request that it was opened for.
    void end_unused() override;
    /// Ends it, at whatever stage it is. Harmless when it has ended.
    void end();
    /// Closes the descriptor of an ended connection at once, because another needs it.
    void close_now() { link_.stream.close_now(); }

    Waiting waiting() const override { return Entry::waiting(); }
    bool has_unread() const { return link_.stream.has_unread(); }
    const Address& peer() const { return link_.peer; }
    /// client_key() of the peer.
    std::uint64_t client() const { return client_; }

  private:
    friend class ConnectionTable;

    enum class Stage : std::uint8_t { accepted, first_bytes, proxy_header, protocol, over };

    void on_stream(bool readable, bool writable) override;
    void waits(Waiting waiting) override;
    void begin_first_request() override { evhttp_.dispatch(); }
    void over() override;

    bool arriving() const { return stage_ < Stage::protocol; }
    void read();
    void read_on();
    void take(std::string_view bytes);
    void read_proxy_header(std::string_view bytes);
    void wait_for_rest(std::string_view bytes);
    void name_client(const Address& address);
    void hand_over(std::string_view bytes);
    void timed_out();

    ConnectionTable& table_;
    ArrivalContext& context_;
    net::ClientLink link_;
    EvhttpPart evhttp_;  // ends before the stream
    std::uint64_t client_ = 0;
    Stage stage_ = Stage::accepted;
    bool counted_ = false;  // for limits.connectionsPerClient
    std::string header_;    // the part of a PROXY header that has come
    std::optional<http1::ClientConnection> protocol_;
    Arrival* next_ = nullptr;  // in the table
    Arrival* previous_ = nullptr;
};

}  // namespace otto::accept
