#include "net/connector.h"

#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/connect_error.h"
#include "base/handle.h"

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
    backlog_full_ = false;
}

void Connector::go_on() {
    backlog_full_ = false;
    Connecting connecting = connect_to(address());
    if (wants_descriptor(connecting.error) && observer_.on_descriptors_short())
        connecting = connect_to(address());
    if (connecting.error != 0 && connecting.error != EINPROGRESS) {
        failed(connecting.error);
        return;
    }
    stream_ = std::make_unique<ByteStream>(loop_, std::move(connecting.fd));
    stream_->watch();
    if (connecting.error == 0) {
        observer_.on_connected();
    } else {
        stream_->observe(this);
    }
}

void Connector::failed(int error_number) {
    if (connect_error(error_number, !address().is_ip()) != ConnectError::not_yet) {
        observer_.on_address_failed(error_number);
        return;
    }
    // Over TCP the kernel waits for a place in the backlog.
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
    if (error_number == 0) {
        observer_.on_connected();
    } else {
        stream_.reset();
        failed(error_number);
    }
}

bool Connector::next() {
    cancel();
    index_ = (index_ + 1) % addresses_.size();
    return --left_ > 0;
}

}  // namespace otto::net
