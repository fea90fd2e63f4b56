// How an exchange keeps a slow client from holding a server's place.

#include "proxy/exchange.h"

namespace otto {

namespace {

/// How long a request waits for its body before it asks for a place without it.
constexpr Duration gathering_time = std::chrono::seconds(1);

}  // namespace

/// Where every server has a limit, a place is not taken by a body that is still on its way. True
/// when the exchange waits for it.
bool Exchange::gather_body() {
    if (!upstreams_.candidates(*route_).all_limited() || client_->request().expect_continue ||
        body_arrived())
        return false;
    enter(Phase::gathering);
    watch_pace();
    timer_.set_after(gathering_time);
    return true;
}

/// Whether enough of the body is here to ask for a server's place.
bool Exchange::body_arrived() {
    return client_->body_arrived(snapshot_->config.limits.per_request_buffer);
}

/// From now on the client is held to its minimum rate.
void Exchange::watch_pace() {
    request_pace_ = {};
    reply_pace_ = {};
    if (snapshot_->config.timeouts.minimum_rate == 0) return;
    const TimePoint time = coarse_now();
    if (body_.state() == RequestBody::State::open) request_pace_.run(time, client_->arrived());
    pace_timer_.set(time + http::Pace::step);
}

/// Whether the next step of the request is up to the client.
bool Exchange::awaits_client() {
    switch (phase_) {
        case Phase::none:
        case Phase::tunnelling:
            return false;
        case Phase::pausing:
        case Phase::waiting:
        case Phase::gathering:
        case Phase::queued:
            return trace_.attempts == 0 && !body_arrived();
        case Phase::attempting:
            break;
    }
    if (!attempt_->awaits_client() || client_->paused()) return false;
    const bool may_wait_for_100 = client_->request().expect_continue && body_.received() == 0;
    return !may_wait_for_100 || attempt_->interim_relayed();
}

void Exchange::check_pace() {
    if (phase_ == Phase::none || phase_ == Phase::tunnelling) return;
    const Bytes rate = snapshot_->config.timeouts.minimum_rate;
    const TimePoint time = coarse_now();
    pace_timer_.set(time + http::Pace::step);
    if (!awaits_client()) {
        request_pace_.pause();
    } else if (!request_pace_.running()) {
        request_pace_.run(time, client_->arrived());
    } else if (request_pace_.is_below(rate, time, client_->arrived())) {
        end_slow_client(true);
        return;
    }
    if (!client_->blocked()) {
        reply_pace_.pause();
    } else if (!reply_pace_.running()) {
        reply_pace_.run(time, client_->delivered());
    } else if (reply_pace_.is_below(rate, time, client_->delivered())) {
        end_slow_client(false);
    }
}

void Exchange::end_slow_client(bool sends) {
    ledger_.count_slow_client(sends);
    if (sends && !(phase_ == Phase::attempting && attempt_->reply_begun())) {
        log_refusal(408, "the body arrives too slowly");
        if (phase_ == Phase::attempting) attempt_->end();
        reply(OwnReply::too_slow, 408);
        return;
    }
    http::ClientStream* client = client_;
    over(Trace::End::too_slow);
    client->abort(http::Abort::reset);
}

}  // namespace otto
