#include "client.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "wire.h"

namespace exchanges {

using namespace std::chrono_literals;

namespace {

constexpr auto patience_for_continue = 30ms;

}  // namespace

ClientConnection::ClientConnection(Loop& loop, Ledger& ledger, const ConnectionPlan& plan,
                                   std::function<void(ClientConnection&)> on_end)
    : loop_(loop),
      ledger_(ledger),
      plan_(plan),
      slow_reads_(plan.slow_reads),
      on_end_(std::move(on_end)),
      send_timer_(loop, [this] { flush(); }),
      hold_timer_(loop, [this] { release(); }),
      read_timer_(loop, [this] { update(); }) {
    in_.begin();
}

bool ClientConnection::open(const Target& target) {
    const auto* address = reinterpret_cast<const sockaddr*>(&target.address);
    Fd fd(socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd || (connect(fd.get(), address, target.length) != 0 && errno != EINPROGRESS))
        return false;
    fd_ = std::move(fd);
    loop_.watch(fd_.get(), events_, *this);
    add_requests();
    if (plan_.stall > 0ns) {
        read_timer_.set(plan_.stall);
        update();
    }
    return true;
}

void ClientConnection::on_ready(std::uint32_t events) {
    if (fd_ && (events & EPOLLOUT) != 0) flush();
    if (fd_ && (events & ~EPOLLOUT) != 0) read();
}

void ClientConnection::update() {
    if (!fd_) return;
    const std::uint32_t wanted =
        (read_timer_.is_set() ? 0U : EPOLLIN) | (wants_to_write_ ? EPOLLOUT : 0U);
    if (wanted == events_) return;
    events_ = wanted;
    loop_.change(fd_.get(), wanted, *this);
}

// ---- requests ----------------------------------------------------------------------------------

void ClientConnection::add_requests() {
    while (added_ < plan_.requests && pending_.size() < plan_.depth && !closing_ &&
           (pending_.empty() || pending_.back().held == 0))
        add_request();
}

void ClientConnection::add_request() {
    ++added_;
    ExchangePlan plan = plan_exchange(ledger_.seed(), ledger_.add());
    // A reply to HTTP/1.0 may end with its connection, and a UNIX socket has no RST to say that it
    // was cut.
    if (plan_.over_unix) plan.http10 = false;
    const Wire wire = write_request(ledger_.seed(), plan, cookie_);
    const std::uint64_t begin = out_.end();
    out_.add(wire.bytes);
    const std::uint64_t end = out_.end();
    using What = Outgoing::Stop::What;
    if (plan.abort != Ending::none && !plan.abort_reading) {
        const std::uint64_t at = begin + wire.bytes.size() * plan.abort_permille / 1000;
        out_.add_stop({.at = at, .what = What::end, .ending = plan.abort});
    }
    std::uint64_t held = 0;
    if (plan.expects) {
        held = begin + wire.head;
        out_.add_stop({.at = held, .what = What::hold});
    }
    out_.add_pauses(begin, plan.pace);
    pending_.push_back({.plan = plan, .begin = begin, .end = end, .held = held});
}

void ClientConnection::flush() {
    if (!fd_ || send_timer_.is_set() || hold_timer_.is_set() || send_broken_) return;
    const Outgoing::State state = out_.flush(fd_.get());
    note_sent();
    wants_to_write_ = state == Outgoing::State::blocked;
    if (state == Outgoing::State::broken) send_broken_ = true;  // a reply may be there
    if (state == Outgoing::State::stopped) return at_stop(out_.take_stop());
    const bool all = added_ == plan_.requests && out_.sent() == out_.end();
    if (all && plan_.half_closes) shutdown(fd_.get(), SHUT_WR);
    update();
}

void ClientConnection::note_sent() {
    for (Pending& each : pending_) {
        if (each.sent || out_.sent() <= each.begin) continue;
        ledger_.began(each.plan.id);
        if (out_.sent() < each.end) continue;
        each.sent = true;
        ledger_.sent_whole(each.plan.id);
    }
}

void ClientConnection::at_stop(const Outgoing::Stop& stop) {
    using What = Outgoing::Stop::What;
    switch (stop.what) {
        case What::pause:
            send_timer_.set(stop.wait);
            return update();
        case What::hold:
            hold_timer_.set(patience_for_continue);
            return update();
        case What::end:
            return abort(stop.ending);
    }
}

void ClientConnection::release() {
    hold_timer_.cancel();
    for (Pending& each : pending_) each.held = 0;
    add_requests();
    flush();
}

// ---- replies -----------------------------------------------------------------------------------

void ClientConnection::read() {
    static std::string scratch(1 << 17, '\0');
    const std::size_t most = slow_reads_ > 0 ? plan_.read_piece : scratch.size();
    const ssize_t got = recv(fd_.get(), scratch.data(), most, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // A send that failed has taken the error that would tell a reset from an end.
    if (got <= 0) return on_end(got == 0 && !send_broken_);
    take(std::string_view(scratch).substr(0, static_cast<std::size_t>(got)));
    if (!fd_ || slow_reads_ == 0) return;
    --slow_reads_;
    read_timer_.set(plan_.read_pause);
    update();
}

void ClientConnection::take(std::string_view bytes) {
    read_ += bytes.size();
    while (fd_) {
        if (pending_.empty() || !in_.begun()) {
            if (bytes.empty()) break;
            if (pending_.empty() || out_.sent() <= pending_.front().begin)
                return object("bytes came that no request asked for", bytes.substr(0, 200));
        }
        switch (in_.next(bytes)) {
            case Incoming::Event::more: {
                const auto& most = pending_.front().plan.abort_reading;
                if (most && read_ >= *most) abort(pending_.front().plan.abort);
                return;
            }
            case Incoming::Event::interim:
                if (in_.status() == 100) release();
                in_.begin();
                break;
            case Incoming::Event::head:
                on_head();
                break;
            case Incoming::Event::done:
                on_done();
                break;
            case Incoming::Event::broken:
                return object("the framing of a reply is broken", in_.head());
            case Incoming::Event::foreign:
                return object("a reply has foreign bytes", in_.describe_foreign());
        }
    }
}

void ClientConnection::on_head() {
    const ExchangePlan& plan = pending_.front().plan;
    const std::string_view exchange = in_.field("X-Exchange");
    from_server_ = !exchange.empty();
    from_server_ ? judge_server_head(exchange) : judge_own_head();
    if (!fd_) return;
    const bool no_body = plan.is_head() || in_.status() == 204 || in_.status() == 304;
    const bool framed =
        !in_.field("Content-Length").empty() || !in_.field("Transfer-Encoding").empty();
    if (no_body) {
        in_.expect_no_body();
    } else if (!framed) {
        in_.expect_until_close();
    }
    std::string_view cookie = in_.field("Set-Cookie");
    if (!cookie.empty()) cookie_ = cookie.substr(0, cookie.find(';'));
}

void ClientConnection::judge_server_head(std::string_view exchange) {
    const ExchangePlan& plan = pending_.front().plan;
    if (exchange != fmt::format("{:016x}", plan.id))
        return object("a client got the reply of another exchange", exchange);
    const std::string_view number = in_.field("X-Attempt");
    attempt_ = 0;
    std::from_chars(number.data(), number.data() + number.size(), attempt_);
    if (!ledger_.has_arrived(plan.id, attempt_))
        return object("a reply came of an attempt that no server saw", number);
    const AttemptPlan made = plan_attempt(ledger_.seed(), plan, attempt_);
    const Marker marker = reply_marker(ledger_.seed(), plan.id, attempt_);
    if (static_cast<unsigned>(in_.status()) != made.status)
        return object("the status is another", in_.head());
    if (in_.field("X-Padding") != marker.letters(made.padding))
        return object("a field of the reply is another");
    in_.expect(marker);
}

void ClientConnection::judge_own_head() {
    const ExchangePlan& plan = pending_.front().plan;
    const int status = in_.status();
    const bool malformed = plan.fault != ExchangePlan::Fault::none;
    if (status != 408 && status != 502 && status != 503 && status != 504 &&
        !(malformed && (status == 400 || status == 501)))
        return object("Otto answered by itself", in_.head());
}

void ClientConnection::on_done() {
    const Pending done = pending_.front();
    if (from_server_) {
        const AttemptPlan made = plan_attempt(ledger_.seed(), done.plan, attempt_);
        const bool bodiless = done.plan.is_head() || made.body.framing == BodyPlan::Framing::none;
        if (!made.is_whole() || !ledger_.has_replied(done.plan.id, attempt_))
            return object("a reply ended well that its server did not end",
                          fmt::format("attempt {}", attempt_));
        if (!bodiless && in_.length() != made.body.size)
            return object("a reply was shortened",
                          fmt::format("{} of {} bytes", in_.length(), made.body.size));
        ++ledger_.tally().whole;
    } else {
        ++ledger_.tally().own[in_.status()];
    }
    if (in_.closes()) closing_ = true;
    last_ = done.plan;
    pending_.pop_front();
    in_.begin();
    read_ = 0;
    if (!done.sent) return finish();  // what is left of the request must not be taken for another
    if (closing_ && pending_.empty()) return;  // Otto closes
    add_requests();
    if (pending_.empty()) return finish();
    flush();
}

void ClientConnection::on_end(bool orderly) {
    if (orderly && in_.ends_here() && !pending_.empty()) {
        on_done();
        if (!fd_) return;
    }
    if (in_.begun()) {
        ++ledger_.tally().cut;
        pending_.pop_front();
    } else if (!closing_ && !pending_.empty() && had_whole_reply(pending_.front())) {
        return object("a whole reply did not come");
    }
    for (const Pending& each : pending_) {
        if (out_.sent() > each.begin) ++ledger_.tally().unanswered;
    }
    close();
}

/// Whether nothing explains that the client did not get its reply.
bool ClientConnection::had_whole_reply(const Pending& pending) const {
    const unsigned arrivals = ledger_.arrivals(pending.plan.id);
    if (!pending.sent || plan_.half_closes || plan_.slow_reads > 0 || plan_.stall > 0ns ||
        arrivals == 0 || !ledger_.has_replied(pending.plan.id, arrivals - 1))
        return false;
    const AttemptPlan made = plan_attempt(ledger_.seed(), pending.plan, arrivals - 1);
    return made.is_whole() && made.ending != Ending::reset && made.surplus == 0 &&
           made.trigger == AttemptPlan::Trigger::end;
}

void ClientConnection::object(std::string_view rule, std::string_view detail) {
    const std::string before = last_ ? "after " + describe(*last_) : std::string();
    ledger_.violation(
        rule, pending_.empty() ? 0 : pending_.front().plan.id,
        fmt::format("{} over {}, {}: {}", pending_.empty() ? "" : describe(pending_.front().plan),
                    plan_.over_unix ? "UNIX" : "TCP", before, detail));
    close();
}

// ---- the end -----------------------------------------------------------------------------------

void ClientConnection::finish() {
    end_connection(fd_.get(), plan_.ending);
    close();
}

void ClientConnection::abort(Ending ending) {
    ++ledger_.tally().aborts;
    end_connection(fd_.get(), ending);
    close();
}

void ClientConnection::close() {
    fd_ = Fd();
    send_timer_.cancel();
    hold_timer_.cancel();
    read_timer_.cancel();
    on_end_(*this);
}

std::string ClientConnection::describe_state() const {
    if (pending_.empty()) return "waits for Otto to close";
    const Pending& first = pending_.front();
    return fmt::format("{:016x} {}: {} of {} bytes sent, {} of the reply read", first.plan.id,
                       describe(first.plan), out_.sent() - first.begin, first.end - first.begin,
                       read_);
}

}  // namespace exchanges
