#pragma once

#include <initializer_list>

#include <signal.h>

#include "base/handle.h"

namespace otto::ctl {

/// Turns signals into something to poll for, as long as it lives; afterwards they do what they did
/// before.
class Signals {
  public:
    explicit Signals(std::initializer_list<int> numbers);
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    /// Readable when one has come.
    int fd() const { return fd_.get(); }
    /// The next that has come; 0 when none has.
    int next();

  private:
    sigset_t before_{};
    UniqueFd fd_;
};

}  // namespace otto::ctl
