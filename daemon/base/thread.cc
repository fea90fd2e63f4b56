#include "base/thread.h"

#include <string>
#include <system_error>
#include <utility>

#include <pthread.h>
#include <signal.h>

namespace otto {

Result<std::thread> start_thread(const char* name, std::function<void()> work) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread;
    int failed = 0;
    try {
        thread = std::thread(std::move(work));
        pthread_setname_np(thread.native_handle(), name);
    } catch (const std::system_error& error) {
        failed = error.code().value();
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (failed != 0)
        return Error::from_errno(std::string("cannot start the thread ") + name, failed);
    return thread;
}

}  // namespace otto
