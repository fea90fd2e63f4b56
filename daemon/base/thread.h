#pragma once

#include <functional>
#include <thread>

#include "base/result.h"

namespace otto {

/// Runs `work`, which may not throw, on a thread of its own, called `name` (of at most 15 bytes) in
/// ps(1) and debuggers. It takes no signals: those are the control thread's. The caller joins or
/// detaches it. Error: the system has no room for a thread.
Result<std::thread> start_thread(const char* name, std::function<void()> work);

}  // namespace otto
