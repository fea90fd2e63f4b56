#include "proxy/bound_connection.h"

#include <utility>

namespace otto {

BoundConnection::BoundConnection(UpstreamPool& pool, Server& server,
                                 std::shared_ptr<const Candidates> pin,
                                 std::unique_ptr<UpstreamConnection> connection)
    : pool_(pool), server_(server), pin_(std::move(pin)), connection_(std::move(connection)) {
    connection_->mark_reused();
    connection_->rest();
    connection_->observe(this);
    pool_.add(*this);
}

BoundConnection::~BoundConnection() {
    pool_.remove(*this);
}

std::unique_ptr<UpstreamConnection> BoundConnection::take() {
    if (connection_ && !connection_->untouched()) connection_.reset();
    return std::move(connection_);
}

std::unique_ptr<UpstreamConnection> BoundConnection::give_up() {
    if (connection_) connection_->observe(nullptr);
    return std::move(connection_);
}

void BoundConnection::on_upstream(UpstreamConnection& connection, bool readable, bool) {
    if (readable && !connection.untouched()) connection_.reset();
}

}  // namespace otto
