#include "proxy/upstream_connection.h"

namespace otto {

UpstreamConnection::UpstreamConnection(std::unique_ptr<net::ByteStream> stream,
                                       ServerConnections::Slot slot)
    : slot_(std::move(slot)), stream_(std::move(stream)) {}

UpstreamConnection::~UpstreamConnection() {
    // The server must have its place back before another connection takes the slot.
    if (const auto* of = slot_.of(); of != nullptr && (of->limited() || of->wanted()))
        stream_->shut_down();
}

}  // namespace otto
