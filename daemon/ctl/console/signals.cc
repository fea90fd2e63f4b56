#include "ctl/console/signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace otto::ctl {

Signals::Signals(std::initializer_list<int> numbers) {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int number : numbers) sigaddset(&wanted, number);
    fd_.reset(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    // Without the descriptor they are to go on doing what they do.
    if (!fd_) sigemptyset(&wanted);
    pthread_sigmask(SIG_BLOCK, &wanted, &before_);
}

Signals::~Signals() {
    // One that nobody has asked about is not to come once it is unblocked.
    while (next() != 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int Signals::next() {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof(info)) != sizeof(info)) return 0;
    return static_cast<int>(info.ssi_signo);
}

}  // namespace otto::ctl
