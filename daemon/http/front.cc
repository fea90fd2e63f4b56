#include "http/front.h"

#include <algorithm>
#include <cerrno>
#include <random>
#include <utility>

#include "event/slice.h"
#include "http/client_connection.h"

namespace otto::http {

namespace {

/// How long a worker that is ahead of its peers leaves new connections to them.
constexpr Duration yield_time = std::chrono::milliseconds(1);
/// How long accepting rests after the process ran out of something, and how long that must not have
/// happened to call it over.
constexpr Duration pause_time = std::chrono::milliseconds(100);
constexpr Duration quiet_time = std::chrono::seconds(5);
/// Accepts that may fail in a row, each of which closes another connection.
constexpr unsigned most_accepts_failed = 4;

/// Connections that are accepted in one turn of the loop; the rest of the backlog waits for the
/// next.
constexpr unsigned max_accepted = 64;
/// What is kept for requests to be received into, of all and of one.
constexpr std::size_t most_spare_bytes = 4 * 1024 * 1024;
constexpr std::size_t largest_spare = 128 * 1024;
/// The most that one read takes from a client.
constexpr std::size_t scratch_size = 16 * 1024;

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

}  // namespace

Result<std::unique_ptr<Front>> Front::open(const Loop& loop, Callbacks callbacks,
                                           ConnectionShare& share, unsigned worker) {
    std::unique_ptr<Front> front(new Front(loop, std::move(callbacks), share, worker));
    auto acceptor = accept::Acceptor::open(loop, *front);
    if (!acceptor) return acceptor.error();
    front->acceptor_ = std::move(*acceptor);
    return front;
}

Front::Front(const Loop& loop, Callbacks callbacks, ConnectionShare& share, unsigned worker)
    : loop_(loop),
      callbacks_(std::move(callbacks)),
      share_(share),
      worker_(worker),
      accept_again_(loop, [this] { resume_accepting(); }),
      quiet_(loop,
             [this] {
                 pause_reported_ = false;
                 callbacks_.on_accept_resumed();
             }),
      order_(random_seed()),
      spare_(loop, most_spare_bytes),
      scratch_(scratch_size),
      after_callbacks_(event_new(
          loop.base(), -1, 0,
          [](evutil_socket_t, short, void* self) { static_cast<Front*>(self)->after_callbacks(); },
          this)),
      start_rest_(loop, [this] { start_accepted(); }) {}

Front::~Front() {
    close_all();
}

Status Front::listen(UniqueFd socket) {
    return acceptor_->listen(std::move(socket));
}

void Front::configure(const Config& config) {
    timeouts_ = config.timeouts;
    limits_ = config.limits;
    request_limits_ = {.header_bytes = config.limits.header_bytes,
                       .header_count = config.limits.header_count,
                       .target_bytes = config.limits.target_bytes};
    proxy_protocol_ = config.proxy_protocol;
    answer_half_closed_ = config.answer_half_closed;
    trusted_proxies_ = config.trusted_proxies;
    if (limits_.connections_per_client == 0) return;
    for (ClientConnection* each = first_; each != nullptr; each = each->next_) count_client(*each);
}

std::unique_ptr<Received> Front::lend() {
    auto received = spare_.take();
    return received ? std::move(*received) : std::make_unique<Received>();
}

void Front::give_back(std::unique_ptr<Received> received) {
    if (!received || received->bytes() > largest_spare) return;
    received->head_bytes.clear();
    received->head.clear();
    received->clear_input();
    const std::size_t bytes = received->bytes();
    spare_.give(std::move(received), bytes);
}

/// Reads from the connections that have been accepted, which begins many of their requests. Those
/// for which there is no time in this turn wait for the next.
void Front::start_accepted() {
    Slice slice;
    while (!accepted_.empty()) {
        start_next();
        if (!accepted_.empty() && !slice.spend(1)) {
            start_rest_.schedule();
            return;
        }
    }
    accept_on();
}

/// What has been accepted has been started.
void Front::accept_on() {
    if (!enough_accepted_ || !accepted_.empty()) return;
    enough_accepted_ = false;
    if (!accept_again_.pending()) acceptor_->set_accepting(true);
}

void Front::start_next() {
    ClientConnection& next = *accepted_.front();
    accepted_.erase(accepted_.begin());
    next.start();
}

/// Later in the turn in which it was activated.
void Front::after_callbacks() {
    if (!start_rest_.scheduled()) start_accepted();
    over_.clear();
    accepted_in_turn_ = 0;
    accept_on();
}

// ---- accepting ---------------------------------------------------------------------------------

/// Another process may take each descriptor that a closed connection frees, so a few of them must
/// do until the pause is over.
void Front::on_accept_failed(int error_number) {
    const bool want_files = error_number == EMFILE || error_number == ENFILE;
    if (want_files && ++accepts_failed_ <= most_accepts_failed) {
        switch (make_room(ConnectionShare::descriptor)) {
            case Room::made:
                return;
            case Room::asked:
                pause_accepting(yield_time);
                return;
            case Room::none:
                break;
        }
    }
    report_pause("out of file descriptors or memory", error_number);
    pause_accepting(pause_time);
}

void Front::on_accepting() {
    ++open_;
    accepts_failed_ = 0;
    publish();
    ++accepted_in_turn_;
    if (!has_room()) {
        rest_full();
    } else if (ahead_of_peers()) {
        pause_accepting(yield_time);
    } else if (std::max<std::size_t>(accepted_in_turn_, accepted_.size() + 1) >= max_accepted) {
        // The listener accepts for as long as there is a backlog, unless it is disabled. What is
        // not accepted yet is bounded by the kernel, and other workers may take it.
        enough_accepted_ = true;
        acceptor_->set_accepting(false);
    }
}

void Front::on_accepted(accept::Accepted accepted) {
    auto connection = std::make_unique<ClientConnection>(*this, std::move(accepted));
    connection->next_ = first_;
    if (first_ != nullptr) first_->previous_ = connection.get();
    first_ = connection.release();
    accepted_.push_back(first_);
    waits(*first_, Waiting::first_byte);
    event_active(after_callbacks_.get(), EV_READ, 0);
}

void Front::on_vanished() {
    one_less();
}

void Front::connection_closed(ClientConnection& connection) {
    std::erase(accepted_, &connection);
    if (connection.next_ != nullptr) connection.next_->previous_ = connection.previous_;
    (connection.previous_ != nullptr ? connection.previous_->next_ : first_) = connection.next_;
    connection.next_ = connection.previous_ = nullptr;
    order_.remove(connection);
    forget_client(connection);
    over_.emplace_back(&connection);
    one_less();
}

void Front::one_less() {
    event_active(after_callbacks_.get(), EV_READ, 0);
    --open_;
    publish();
    if (std::exchange(full_, false)) accept_again_.set_after({});
    if (open_ == 0 && draining_ && on_empty_) std::exchange(on_empty_, nullptr)();
}

void Front::publish() {
    share_.publish_open(worker_, open_);
    share_.publish_order(worker_, order_.rank(), order_.size());
    callbacks_.on_connections(open_);
}

/// One shared listening socket wakes all workers, and the fastest would take a whole backlog. The
/// allowance keeps workers that are about even from yielding all the time, which costs system
/// calls.
bool Front::ahead_of_peers() const {
    if (share_.workers() < 2) return false;
    const std::uint64_t fewest = share_.fewest();
    return open_ > fewest + 3 + fewest / 16;
}

void Front::pause_accepting(Duration delay) {
    acceptor_->set_accepting(false);
    accept_again_.set_after(delay);
}

void Front::resume_accepting() {
    if (draining_) return;
    accepts_failed_ = 0;
    full_ = !may_accept();
    if (full_) {
        quiet_.set_after(quiet_time);
        accept_again_.set_after(pause_time);
        return;
    }
    acceptor_->set_accepting(true);
}

/// Accepting rests because of the limit.
void Front::rest_full() {
    full_ = true;
    report_pause("the limit on connections is reached", 0);
    pause_accepting(pause_time);
}

void Front::report_pause(const char* reason, int error_number) {
    quiet_.set_after(quiet_time);
    if (std::exchange(pause_reported_, true)) return;
    callbacks_.on_accept_paused(reason, error_number);
}

// ---- ending ------------------------------------------------------------------------------------

void Front::drain(std::function<void()> on_empty) {
    acceptor_->settle();
    end_keep_alive();
    draining_ = true;
    on_empty_ = std::move(on_empty);
    accept_again_.cancel();
    acceptor_->stop_listening();
    while (!accepted_.empty()) start_next();
    for (ClientConnection* each = first_; each != nullptr;) {
        ClientConnection* next = each->next_;
        if (each->unused()) each->end_unused();
        each = next;
    }
    if (open_ == 0 && on_empty_) std::exchange(on_empty_, nullptr)();
}

void Front::close_all() {
    if (acceptor_) acceptor_->settle();
    while (first_ != nullptr) first_->lost();
}

}  // namespace otto::http
