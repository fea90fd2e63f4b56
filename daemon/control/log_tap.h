#pragma once

#include <atomic>
#include <functional>

#include "event/mailbox.h"
#include "log/journal.h"

namespace otto::control {

/// Brings what is logged to the control thread, from the start on, for the events of the admin API.
/// At most 1,000 records are on their way; more are left out there. Owned by Otto.
class LogTap {
  public:
    using OnRecord = std::function<void(const LogRecord&)>;

    /// `on_record` is called on the mailbox's thread. There is one tap at a time.
    LogTap(Mailbox& mailbox, OnRecord on_record);
    /// From then on nothing is brought, and on_record is not called.
    ~LogTap();
    LogTap(const LogTap&) = delete;
    LogTap& operator=(const LogTap&) = delete;

  private:
    void bring(const LogRecord& record);

    Mailbox& mailbox_;
    const OnRecord on_record_;
    std::atomic<unsigned> due_{0};  // records in the mailbox; any thread adds, relaxed: a bound
};

}  // namespace otto::control
