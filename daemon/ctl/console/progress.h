#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "ctl/console/signals.h"

namespace otto::ctl {

/// What a command waits for, on one line of the terminal that is drawn anew; nothing at all when
/// stderr is no terminal. As long as it lives there, Ctrl-C only ends the waiting, so that the
/// command can say what goes on regardless.
class Progress {
  public:
    Progress();
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// For Patience::stop.
    int stop() const { return signals_ ? signals_->fd() : -1; }
    bool shown() const { return signals_.has_value(); }
    /// The line, to which it adds how long it has been.
    void show(const std::string& text);
    /// Before anything else is written.
    void clear();

  private:
    const TimePoint began_;
    std::optional<Signals> signals_;  // when stderr is a terminal
    bool drawn_ = false;
};

}  // namespace otto::ctl
