#include "health/probe.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/socket.h>

namespace otto {

namespace {

/// Whether an error is Otto's own want rather than the server's.
bool is_local(int number) {
    return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

std::string connect_error(int number) {
    if (number == ECONNREFUSED) return "connection refused";
    // What a non-blocking connect to a UNIX socket with a full backlog gives.
    if (number == EAGAIN) return "its queue of connections is full";
    std::string text = std::strerror(number);
    if (text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
}

}  // namespace

std::string text_of(Duration duration) {
    if (duration % std::chrono::seconds(1) == Duration::zero())
        return std::to_string(duration / std::chrono::seconds(1)) + "s";
    return std::to_string(duration / std::chrono::milliseconds(1)) + "ms";
}

Probe::Probe(const Loop& loop, std::shared_ptr<Server> server, Duration timeout, OnDone on_done)
    : loop_(loop),
      server_(std::move(server)),
      timeout_(timeout),
      on_done_(std::move(on_done)),
      deadline_(coarse_now() + timeout),
      left_(server_->addresses.size()),
      timer_(loop, [this] { timed_out(); }) {
    failure_.reason = "its name does not resolve";
    if (left_ > 0) address_ = server_->preferred() % server_->addresses.size();
    open_next();
}

void Probe::disconnect() {
    watch_.reset();
    if (fd_) loop_.close_later(std::move(fd_));
}

void Probe::open_next() {
    disconnect();
    connected_ = false;
    while (left_ > 0 && !result_) {
        const Address& address = server_->addresses[address_];
        if (open(address)) {
            // A share of the time for each address, so that one that swallows packets leaves some
            // to the others.
            const TimePoint begun = coarse_now();
            timer_.set(begun + (deadline_ - begun) / static_cast<Duration::rep>(left_));
            return;
        }
        address_ = (address_ + 1) % server_->addresses.size();
        --left_;
    }
    if (!result_) result_ = std::move(failure_);
    timer_.set(coarse_now());
}

bool Probe::open(const Address& address) {
    fd_.reset(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd_ &&
        (::connect(fd_.get(), address.get(), address.length()) == 0 || errno == EINPROGRESS)) {
        watch_.emplace(loop_, fd_.get(), Watch::Interest::any_edge, [this](Readiness) { ready(); });
        return true;
    }
    const int number = errno;
    fd_.reset();
    if (is_local(number)) {
        result_ = ProbeResult{ProbeResult::Outcome::inconclusive, connect_error(number), false};
    } else {
        note_failure(connect_error(number), number == ECONNREFUSED);
    }
    return false;
}

void Probe::ready() {
    if (connected_) {
        on_ready();
        return;
    }
    int number = 0;
    socklen_t size = sizeof number;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
    if (number != 0) {
        give_up_address(connect_error(number), number == ECONNREFUSED);
        return;
    }
    connected_ = true;
    timer_.set(deadline_);
    on_connected();
}

void Probe::timed_out() {
    if (result_) {
        finish(std::move(*result_));
        return;
    }
    const bool over = connected_ || left_ <= 1;
    std::string reason = (connected_ ? "no answer in " : "no connection in ") + text_of(timeout_);
    if (over) {
        finish({ProbeResult::Outcome::failed, std::move(reason), false});
    } else {
        give_up_address(std::move(reason));
    }
}

void Probe::answered(bool passed, std::string reason) {
    server_->set_preferred(address_);
    finish({passed ? ProbeResult::Outcome::passed : ProbeResult::Outcome::failed, std::move(reason),
            false});
}

void Probe::give_up_address(std::string reason, bool refused) {
    note_failure(std::move(reason), refused);
    address_ = (address_ + 1) % server_->addresses.size();
    --left_;
    open_next();
}

void Probe::note_failure(std::string reason, bool refused) {
    // localhost's other address refuses as a rule, which explains nothing.
    const bool first = left_ == server_->addresses.size();
    if (refused && !first && !failure_.refused) return;
    failure_ = {ProbeResult::Outcome::failed, std::move(reason), refused};
}

void Probe::finish(ProbeResult result) {
    timer_.cancel();
    disconnect();
    const OnDone done = std::move(on_done_);
    done(std::move(result));
}

}  // namespace otto
