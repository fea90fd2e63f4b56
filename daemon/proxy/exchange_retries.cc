// What follows from a failed attempt: for its server, and for the request.

#include <string>

#include <fmt/format.h>

#include "balance/retry.h"
#include "log/journal.h"
#include "proxy/exchange.h"

namespace otto {

namespace {

bool is_timeout(Failure failure) {
    return failure == Failure::connect_timeout || failure == Failure::response_timeout;
}

}  // namespace

/// The next attempt begins later, when no call of this one is running; until then the request keeps
/// its place at the server, where it may be tried once more.
void Exchange::on_attempt_failed(Failure failure, std::string_view detail) {
    attempt_->end();
    failed_.server = server_;
    failed_.failure = failure;
    failed_.detail = detail;
    // A connection that was closed while idle says nothing about its server: that does not count.
    stale_ = failure == Failure::reset_before_response && attempt_->on_reused_connection();
    if (stale_) {
        server_->connections->note_closed_idle(Duration::zero(), coarse_now());
    } else {
        count_failure(failure, detail);
        if (!is_free(failure)) ++counted_;
    }
    stale_ = stale_ && may_retry(0);
    if (!stale_ && !may_retry(counted_)) {
        give_up();
        return;
    }
    enter(Phase::pausing);
    timer_.cancel();
    retry_.schedule();
}

/// Whether the table of retries allows another attempt after `counted` of them.
bool Exchange::may_retry(unsigned counted) const {
    return otto::may_retry(failed_.failure, attempt_->request_sent(),
                           is_idempotent(client_->request().method), body_.replayable(), counted,
                           snapshot_->config.retries.attempts);
}

void Exchange::retry() {
    if (stale_) {
        log_retry("trying a new connection");
        attempt(true);
        return;
    }
    leave_server();
    if (!try_another() && !try_same()) give_up();
}

/// False when there is no other, or the budget for retries is used up.
bool Exchange::try_another() {
    if (tried_.size() >= most_tried) return false;
    const Found found = find_server();
    if (found == Found::none) return false;
    if (!is_free(failed_.failure) && !upstreams_.may_retry()) {
        leave_server();
        return false;
    }
    log_retry("trying another server");
    place(found);
    return true;
}

/// No other server is left: one that closed its connection is asked once more. Where it was
/// stopped, it refuses and goes out, and the request is placed again once Otto fails open.
bool Exchange::try_same() {
    if (failed_.failure != Failure::reset_before_response || std::exchange(tried_same_, true))
        return false;
    Server* const same = tried_.back();
    tried_.pop_back();
    const Found found = find_server();
    tried_.push_back(same);
    if (found != Found::server) return false;
    if (server_ != same || !upstreams_.may_retry()) {
        leave_server();
        return false;
    }
    log_retry("trying the same server again");
    attempt(true);
    return true;
}

void Exchange::log_retry(const char* then) {
    if (!log_debug_enabled()) return;
    log(Priority::debug, nullptr,
        fmt::format("{} {}: {} (server {}); {}", client_->request().method_text,
                    client_->request().path, describe(failed_.failure, failed_.detail),
                    failed_.server->url, then));
}

void Exchange::count_retry() {
    ++trace_.retries;
    ledger_.count_retry();
    ledger_.of(*failed_.server).retried[static_cast<std::size_t>(failed_.failure)].add();
    failed_.server = nullptr;
}

void Exchange::count_failure(Failure failure, std::string_view detail) {
    ledger_.of(*server_).failed[static_cast<std::size_t>(failure)].add();
    upstreams_.server_failed(*server_, failure, detail);
    if (is_timeout(failure)) server_->note_timeout();
    if (measured_ && is_timeout(failure)) note_silence();
    if (failure != Failure::local) settle_probe_request(false);
}

}  // namespace otto
