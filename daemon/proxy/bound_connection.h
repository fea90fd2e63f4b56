#pragma once

#include <cstdint>
#include <memory>

#include "balance/candidates.h"
#include "http/client_stream.h"
#include "proxy/upstream_connection.h"
#include "proxy/upstream_pool.h"

namespace otto {

/// A connection to a server that a client has authenticated (http::authenticates_connection), idle
/// between two requests of that client: no other may use it. Kept with the client's connection, and
/// closed with it, when the server ends it, or when its place is wanted. Of one worker's thread.
class BoundConnection final : public http::Attachment,
                              private UpstreamObserver,
                              private IdleConnection {
  public:
    /// `pin` keeps the server alive.
    BoundConnection(UpstreamPool& pool, Server& server, std::shared_ptr<const Candidates> pin,
                    std::unique_ptr<UpstreamConnection> connection);
    ~BoundConnection() override;

    Server& server() const { return server_; }
    /// Null once it was closed.
    std::unique_ptr<UpstreamConnection> take();

  private:
    void on_upstream(UpstreamConnection& connection, bool readable, bool writable) override;
    std::uint64_t server_id() const override { return server_.id; }
    std::unique_ptr<UpstreamConnection> give_up() override;

    UpstreamPool& pool_;
    Server& server_;
    const std::shared_ptr<const Candidates> pin_;
    std::unique_ptr<UpstreamConnection> connection_;
};

}  // namespace otto
