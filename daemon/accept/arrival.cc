#include "accept/arrival.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "accept/connection_table.h"
#include "accept/proxy_protocol.h"
#include "balance/affinity.h"
#include "http1/parse_request.h"

namespace otto::accept {

namespace {

/// How long after it was accepted a connection may take to send its first request when draining.
constexpr Duration first_request_grace = std::chrono::milliseconds(250);

}  // namespace

bool ArrivalContext::is_trusted(const Address& address) const {
    return std::ranges::any_of(trusted_proxies,
                               [&address](const Cidr& each) { return each.contains(address); });
}

Arrival::Arrival(ConnectionTable& table, ArrivalContext& context, Accepted accepted)
    : table_(table),
      context_(context),
      link_{.stream = net::ByteStream(context.connections.loop, std::move(accepted.fd)),
            .timer = Timer(context.connections.loop, [this] { timed_out(); }),
            .peer = accepted.peer},
      evhttp_(std::move(accepted.evhttp)),
      client_(client_key(accepted.peer)) {
    link_.stream.observe(this);
}

void Arrival::start() {
    if (!table_.admit(*this)) {
        end();
        return;
    }
    stage_ = Stage::first_bytes;
    read();
    if (stage_ == Stage::over || (protocol_ && !protocol_->idle())) return;
    link_.stream.watch();
    if (waiting() == Waiting::none && unused()) waits(Waiting::first_byte);
    if (!link_.timer.pending()) link_.timer.set_after(context_.connections.timeouts.client_idle);
}

// ---- until its protocol takes over -------------------------------------------------------------

void Arrival::on_stream(bool readable, bool) {
    if (arriving() && !link_.stream.reads_on_later() && readable) read();
}

void Arrival::read() {
    std::vector<char>& scratch = context_.connections.scratch;
    const ssize_t length = link_.stream.receive(scratch.data(), scratch.size());
    if (length < 0 && errno == EAGAIN) return;
    if (length < 0 && errno == EINTR) {
        read_on();
        return;
    }
    if (length <= 0) {
        end();
        return;
    }
    take({scratch.data(), static_cast<std::size_t>(length)});
}

/// Edges are reported once: what is there to be read is read in the next turn. A reset that came
/// with the last bytes shows only when they are read past.
void Arrival::read_on() {
    net::ByteStream& stream = link_.stream;
    if (!arriving() || stream.reads_on_later()) return;
    const bool expects_more = stream.readable() && stage_ == Stage::proxy_header;
    if (!stream.quiet() || (expects_more && !stream.untouched())) stream.read_on_later();
}

void Arrival::take(std::string_view bytes) {
    if (!header_.empty()) bytes = header_.append(bytes);
    if (context_.proxy_protocol && context_.is_trusted(peer())) {
        read_proxy_header(bytes);
    } else {
        hand_over(bytes);
    }
}

void Arrival::read_proxy_header(std::string_view bytes) {
    const ProxyHeader header = parse_proxy_header(bytes.substr(0, max_proxy_header));
    switch (header.state) {
        case ParseState::incomplete:
            wait_for_rest(bytes);
            return;
        case ParseState::malformed:
            context_.on_bad_proxy_header(peer(), header.reason);
            end();
            return;
        case ParseState::complete:
            break;
    }
    if (header.client) {
        table_.forget_client(*this);
        name_client(*header.client);
        if (!table_.admit(*this)) {
            end();
            return;
        }
    }
    // The client that the header names has sent nothing yet.
    if (bytes.size() == header.length) waits(Waiting::first_byte);
    hand_over(bytes.substr(header.length));
}

void Arrival::wait_for_rest(std::string_view bytes) {
    if (header_.empty()) header_ = bytes;
    if (std::exchange(stage_, Stage::proxy_header) != Stage::proxy_header)
        link_.timer.set_after(context_.connections.timeouts.request_header);
    if (waiting() != Waiting::rest) waits(Waiting::rest);
    read_on();
}

void Arrival::name_client(const Address& address) {
    link_.peer = address;
    client_ = client_key(address);
}

/// `bytes` may be a view of the header.
void Arrival::hand_over(std::string_view bytes) {
    stage_ = Stage::protocol;
    protocol_.emplace(static_cast<net::ConnectionOwner&>(*this), link_, context_.connections);
    protocol_->start(bytes);
    const std::string freed = std::move(header_);
}

void Arrival::timed_out() {
    if (protocol_) {
        protocol_->timed_out();
        return;
    }
    // A byte of urgent data hides from the loop what came behind it.
    if (link_.stream.readable() && !link_.stream.untouched()) {
        link_.timer.set_after(context_.connections.timeouts.client_idle);
        link_.stream.read_on_later();
    } else {
        end();
    }
}

// ---- at every stage ----------------------------------------------------------------------------

void Arrival::waits(Waiting waiting) {
    table_.waits(*this, waiting);
}

bool Arrival::unused() const {
    return protocol_ ? protocol_->unused() : arriving() && http1::only_line_ends(header_);
}

void Arrival::end_unused() {
    if (link_.stream.has_unread()) return;
    const TimePoint until = since() + first_request_grace;
    if (!evhttp_.dispatched() && coarse_now() < until) {
        link_.timer.set(until);
    } else {
        end();
    }
}

void Arrival::end() {
    if (protocol_) {
        protocol_->lost();
    } else if (stage_ != Stage::over) {
        link_.timer.cancel();
        link_.stream.unwatch();
        over();
    }
}

void Arrival::over() {
    stage_ = Stage::over;
    evhttp_.end();
    table_.closed(*this);
}

}  // namespace otto::accept
