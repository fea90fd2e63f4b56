#include "server.h"

#include <algorithm>
#include <cstdio>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include "wire.h"

namespace exchanges {

using namespace std::chrono_literals;

namespace {

/// Longer waits are left to a timer. A wait of the processor hits windows that are shorter than a
/// turn of the loop.
constexpr auto longest_spin = 100us;

void spin(nanoseconds wait) {
    const TimePoint end = Clock::now() + wait;
    while (Clock::now() < end) {
    }
}

/// A port that stays ours while nothing listens on it: the kernel keeps it for a socket that was
/// bound to its number.
Fd bind_port(std::uint16_t& port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* place = reinterpret_cast<const sockaddr*>(&address);
    const int on = 1;
    const auto open = [&] {
        Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (bind(fd.get(), place, sizeof address) != 0) fail("bind");
        socklen_t length = sizeof address;
        getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
        return fd;
    };
    const Fd finder = open();
    port = ntohs(address.sin_port);
    return open();
}

Fd bind_path(const std::string& path) {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fail("bind");
    return fd;
}

}  // namespace

ServerConnection::ServerConnection(Server& server, Fd fd)
    : server_(server),
      ledger_(server.ledger_),
      fd_(std::move(fd)),
      act_timer_(server.loop_, [this] { act_now(); }),
      send_timer_(server.loop_, [this] { later_ == Ending::none ? flush() : end(later_); }),
      read_timer_(server.loop_, [this] { update(); }) {
    in_.begin();
    server.loop_.watch(fd_.get(), events_, *this);
}

void ServerConnection::on_ready(std::uint32_t events) {
    if (fd_ && (events & EPOLLOUT) != 0) flush();
    if (fd_ && (events & ~EPOLLOUT) != 0) read();
}

void ServerConnection::update() {
    if (!fd_) return;
    const std::uint32_t wanted =
        (read_timer_.is_set() ? 0U : EPOLLIN) | (wants_to_write_ ? EPOLLOUT : 0U);
    if (wanted == events_) return;
    events_ = wanted;
    server_.loop_.change(fd_.get(), wanted, *this);
}

// ---- what Otto sends ---------------------------------------------------------------------------

void ServerConnection::read() {
    std::string& scratch = server_.scratch_;
    const ssize_t got = recv(fd_.get(), scratch.data(), scratch.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return close();
    take(std::string_view(scratch).substr(0, static_cast<std::size_t>(got)));
}

void ServerConnection::take(std::string_view bytes) {
    const bool nested = std::exchange(taking_, true);
    while (take_event(bytes)) {
    }
    taking_ = nested;
    if (end_wanted_ && !nested) end(*end_wanted_);
}

/// Whether there may be another one in what is left of the bytes.
bool ServerConnection::take_event(std::string_view& bytes) {
    if (got_all_) {
        if (!bytes.empty()) object("a request was sent before the reply to the one before");
        return false;
    }
    switch (in_.next(bytes)) {
        case Incoming::Event::more:
            on_body();
            return false;
        case Incoming::Event::head:
            on_head();
            break;
        case Incoming::Event::done:
            on_done();
            break;
        case Incoming::Event::interim:
        case Incoming::Event::broken:
            object("bytes that are no request reached a server",
                   fmt::format("{:?} in {:?}", bytes.substr(0, 200), in_.head()));
            break;
        case Incoming::Event::foreign:
            object("a request body has foreign bytes", in_.describe_foreign());
            break;
    }
    return !objected_;
}

void ServerConnection::object(std::string_view rule, std::string_view detail) {
    if (std::exchange(objected_, true)) return;
    ledger_.violation(rule, exchange_ ? exchange_->id : 0,
                      fmt::format("{} at {}, attempt {}: {}", exchange_ ? describe(*exchange_) : "",
                                  server_.url(), attempt_, detail));
    end(Ending::reset);
}

void ServerConnection::on_head() {
    is_check_ = in_.target() == "GET /health";
    if (is_check_) return;
    const auto id = id_in(in_.target());
    if (!id || !ledger_.knows(*id)) return object("a request reached a server that no client sent");
    exchange_ = plan_exchange(ledger_.seed(), *id);
    attempt_ = ledger_.arrived(*exchange_);
    plan_ = plan_attempt(ledger_.seed(), *exchange_, attempt_);
    in_.expect(request_marker(ledger_.seed(), *id));
    judge_head();
    if (is_ending()) return;
    if (!in_.field("Expect").empty() && plan_.continues) {
        out_.add("HTTP/1.1 100 Continue\r\n\r\n");
        flush();
    }
    if (plan_.trigger == AttemptPlan::Trigger::head) act();
    if (!is_ending() && plan_.read_pause > 0ns) {
        read_timer_.set(plan_.read_pause);
        update();
    }
}

void ServerConnection::judge_head() {
    const Marker marker = request_marker(ledger_.seed(), exchange_->id);
    const BodyPlan& body = exchange_->body;
    const bool chunked = body.framing == BodyPlan::Framing::chunked;
    const std::string length =
        body.framing == BodyPlan::Framing::length ? fmt::format("{}", body.size) : "";
    if (in_.target() != fmt::format("{} {}", exchange_->method, request_target(exchange_->id)))
        return object("the request line is another");
    if (in_.field("X-Padding") != marker.letters(exchange_->padding))
        return object("a field of the request is another");
    if (in_.field("Transfer-Encoding") != (chunked ? "chunked" : "") ||
        (in_.field("Content-Length") != length && !(length.empty() && !chunked)))
        return object("the framing of the request is another");
}

void ServerConnection::on_body() {
    if (!exchange_ || acted_ || plan_.trigger != AttemptPlan::Trigger::body || in_.in_head())
        return;
    if (in_.length() * 1000 >= exchange_->body.size * plan_.trigger_permille) act();
}

void ServerConnection::on_done() {
    got_all_ = true;
    if (is_check_) {
        out_.add("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        reply_end_ = out_.end();
        reply_ = Reply::open;
        return flush();
    }
    const std::string_view wrong = ledger_.arrived_whole(*exchange_, in_.length());
    if (!wrong.empty()) {
        return object(wrong, fmt::format("{} of {} bytes", in_.length(), exchange_->body.size));
    }
    if (!acted_) return act();
    begin_next();
}

void ServerConnection::end(Ending ending) {
    if (!fd_ || ending_) return;
    if (taking_) {  // what is being taken comes before what is still to be read
        if (!end_wanted_) end_wanted_ = ending;
        return;
    }
    ending_ = true;
    std::string& scratch = server_.scratch_;
    ssize_t got = 0;
    while ((got = recv(fd_.get(), scratch.data(), scratch.size(), 0)) > 0) {
        if (!objected_) take(std::string_view(scratch).substr(0, static_cast<std::size_t>(got)));
    }
    end_connection(fd_.get(), ending);
    close();
}

void ServerConnection::close() {
    if (in_.in_head() && in_.begun()) {
        const auto id = id_in(in_.unfinished());
        if (id && ledger_.knows(*id)) ledger_.arrived(plan_exchange(ledger_.seed(), *id));
    }
    fd_ = Fd();
    act_timer_.cancel();
    send_timer_.cancel();
    read_timer_.cancel();
    server_.forget(*this);
}

// ---- what the server does ----------------------------------------------------------------------

void ServerConnection::act() {
    acted_ = true;
    if (is_ending()) return;
    if (plan_.think > 0ns) return act_timer_.set(plan_.think);
    act_now();
}

void ServerConnection::act_now() {
    using Action = AttemptPlan::Action;
    if (plan_.action != Action::reply) ++ledger_.tally().failures;
    switch (plan_.action) {
        case Action::reply:
            return reply();
        case Action::close:
            return end(plan_.ending);
        case Action::garbage:
            out_.add("HTTP/1.1 garbage\r\n\r\n");
            add_ending(out_.end(), 1ms, Ending::finish);
            return flush();
        case Action::silence:
            return;
    }
}

void ServerConnection::reply() {
    const std::uint64_t begin = out_.end();
    const Wire wire = write_reply(ledger_.seed(), *exchange_, attempt_, plan_);
    out_.add(wire.bytes);
    out_.add_pauses(begin, plan_.pace);
    if (!plan_.is_whole() || plan_.ending == Ending::reset) ++ledger_.tally().failures;
    if (plan_.cut_permille) {
        std::uint64_t at = wire.bytes.size() * *plan_.cut_permille / 1000;
        // A UNIX socket has no RST to say that a body without a length was cut.
        if (server_.over_unix() && plan_.body.framing == BodyPlan::Framing::until_close)
            at = std::min(at, wire.head - 1);
        add_ending(begin + at, 0ns, plan_.ending);
    } else if (!plan_.bad_chunk) {
        reply_end_ = out_.end();
        reply_ = Reply::open;
        if (plan_.surplus_is_reply) {
            out_.add("HTTP/1.1 200 OK\r\nX-Exchange: surplus\r\nContent-Length: 7\r\n\r\nsurplus");
        } else {
            out_.add(std::string(plan_.surplus, '#'));
        }
        if (plan_.ending != Ending::none) {
            add_ending(out_.end(), plan_.ending_after, plan_.ending);
        }
    }
    flush();
}

void ServerConnection::add_ending(std::uint64_t at, nanoseconds wait, Ending ending) {
    out_.add_stop({.at = at, .what = Outgoing::Stop::What::end, .wait = wait, .ending = ending});
}

void ServerConnection::flush() {
    if (is_ending() || send_timer_.is_set()) return;
    const Outgoing::State state = out_.flush(fd_.get());
    if (reply_ == Reply::open && out_.sent() >= reply_end_) {
        reply_ = Reply::sent;
        if (!is_check_) ledger_.replied(exchange_->id, attempt_);
    }
    if (got_all_) begin_next();
    wants_to_write_ = state == Outgoing::State::blocked;
    if (state == Outgoing::State::broken) return end(Ending::finish);
    if (state == Outgoing::State::stopped) return at_stop(out_.take_stop());
    update();
}

void ServerConnection::begin_next() {
    if (reply_ != Reply::sent) return;
    reply_ = Reply::none;
    got_all_ = acted_ = is_check_ = false;
    exchange_.reset();
    in_.begin();
}

void ServerConnection::at_stop(const Outgoing::Stop& stop) {
    using What = Outgoing::Stop::What;
    if (stop.what == What::end && stop.wait <= longest_spin) {
        spin(stop.wait);
        return end(stop.ending);
    }
    if (stop.what == What::end) later_ = stop.ending;
    send_timer_.set(stop.wait);
    update();
}

// ---- the listening socket ----------------------------------------------------------------------

Server::Server(Loop& loop, Ledger& ledger, std::uint64_t number, const std::string& path)
    : loop_(loop),
      ledger_(ledger),
      random_(mix(mix(ledger.seed().number, 'l'), number)),
      path_(path),
      toggle_timer_(loop, [this] { toggle(); }),
      scratch_(1 << 17, '\0') {
    std::uint16_t port = 0;
    listener_ = path.empty() ? bind_port(port) : bind_path(path);
    url_ = path.empty() ? fmt::format("http://127.0.0.1:{}", port) : "unix:" + path;
    listen();
    toggle_timer_.set(std::chrono::milliseconds(random_.between(300, 2000)));
}

void Server::listen() {
    if (::listen(listener_.get(), SOMAXCONN) != 0) fail("listen");
    loop_.watch(listener_.get(), EPOLLIN, *this);
}

void Server::toggle() {
    refusing_ = !refusing_;
    if (refusing_) {
        ++ledger_.tally().failures;
        loop_.unwatch(listener_.get());
        if (path_.empty()) {
            shutdown(listener_.get(), SHUT_RD);
        } else {
            std::rename(path_.c_str(), (path_ + ".away").c_str());
        }
        return toggle_timer_.set(std::chrono::milliseconds(random_.between(1, 60)));
    }
    if (!path_.empty()) std::rename((path_ + ".away").c_str(), path_.c_str());
    listen();
    toggle_timer_.set(std::chrono::milliseconds(random_.between(300, 2000)));
}

void Server::settle() {
    toggle_timer_.cancel();
    if (!refusing_) return;
    toggle();
    toggle_timer_.cancel();
}

void Server::close_all() {
    while (!connections_.empty()) connections_.begin()->second->end(Ending::finish);
}

void Server::forget(ServerConnection& connection) {
    const auto at = connections_.find(&connection);
    loop_.retire(std::move(at->second));
    connections_.erase(at);
}

void Server::on_ready(std::uint32_t) {
    while (true) {
        Fd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) return;
        if (random_.chance(3)) {
            ++ledger_.tally().failures;
            end_connection(fd.get(), random_.pick({Ending::finish, Ending::reset}));
            continue;
        }
        auto connection = std::make_unique<ServerConnection>(*this, std::move(fd));
        ServerConnection& made = *connection;
        connections_[&made] = std::move(connection);
    }
}

}  // namespace exchanges
