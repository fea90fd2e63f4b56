#include "net/connector.h"

#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/connect_error.h"
#include "base/handle.h"
#include "event/slice.h"

namespace otto::net {

namespace {

bool wants_descriptor(int error_number) {
    return error_number == EMFILE || error_number == ENFILE;
}

struct Connecting {
    UniqueFd fd;
    int error = 0;  // EINPROGRESS: undecided
};

Connecting connect_to(const Address& address) {
    Connecting result{
        UniqueFd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))};
    if (!result.fd) {
        result.error = errno;
        return result;
    }
    if (address.is_ip()) {
        const int on = 1;
        ::setsockopt(result.fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (::connect(result.fd.get(), address.get(), address.length()) != 0) result.error = errno;
    return result;
}

}  // namespace

Connector::Connector(const Loop& loop, std::span<const Address> addresses, std::size_t first,
                     ConnectorObserver& observer)
    : loop_(loop),
      addresses_(addresses),
      observer_(observer),
      index_(addresses.empty() ? 0 : first % addresses.size()),
      left_(addresses.size()) {}

Connector::~Connector() {
    cancel();
}

void Connector::cancel() {
    if (stream_) stream_->shut_down();  // the descriptor is closed later
    stream_.reset();
    if (retry_) retry_->cancel();
    if (later_) later_->cancel();
    backlog_full_ = false;
}

void Connector::go_on() {
    backlog_full_ = false;
    proceed(connect());
}

/// The errno of connect(2) to the current address. 0, EINPROGRESS: there is a stream.
int Connector::connect() {
    Connecting connecting = connect_to(address());
    if (wants_descriptor(connecting.error) && observer_.on_descriptors_short())
        connecting = connect_to(address());
    if (connecting.error == 0 || connecting.error == EINPROGRESS) {
        stream_ = std::make_unique<ByteStream>(loop_, std::move(connecting.fd));
        stream_->watch();
    }
    return connecting.error;
}

/// What follows from that errno. A name may have many addresses that fail at once.
void Connector::proceed(int error_number) {
    Slice slice;
    while (error_number != 0 && error_number != EINPROGRESS) {
        if (connect_error(error_number, !address().is_ip()) == ConnectError::not_yet) {
            await_backlog();
            return;
        }
        observer_.on_address_failed(error_number);
        if (!next()) {
            observer_.on_failed(error_number);
            return;
        }
        if (!slice.spend(0)) {
            if (!later_) later_.emplace(loop_, [this] { go_on(); });
            later_->schedule();
            return;
        }
        error_number = connect();
    }
    if (error_number == 0) {
        observer_.on_connected();
    } else {
        stream_->observe(this);
    }
}

/// Over TCP the kernel waits for a place in the backlog.
void Connector::await_backlog() {
    backlog_full_ = true;
    delay_ = next_connect_delay(delay_);
    if (!retry_) retry_.emplace(loop_, [this] { observer_.on_retry(); });
    retry_->set_after(delay_);
    observer_.on_backlog_full();
}

void Connector::on_stream(bool, bool) {
    const int error_number = stream_->connect_error();
    if (error_number == EINPROGRESS) return;
    stream_->observe(nullptr);
    if (error_number != 0) stream_.reset();
    proceed(error_number);
}

bool Connector::next() {
    cancel();
    if (left_ <= 1) return false;
    index_ = (index_ + 1) % addresses_.size();
    --left_;
    return true;
}

}  // namespace otto::net
