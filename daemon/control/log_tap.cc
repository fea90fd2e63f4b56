#include "control/log_tap.h"

#include <utility>

namespace otto::control {

namespace {

constexpr unsigned most_due = 1000;

}  // namespace

LogTap::LogTap(Mailbox& mailbox, OnRecord on_record)
    : mailbox_(mailbox), on_record_(std::move(on_record)) {
    set_log_tap([this](const LogRecord& record) { bring(record); });
}

LogTap::~LogTap() {
    set_log_tap(nullptr);
}

void LogTap::bring(const LogRecord& record) {
    if (due_.fetch_add(1, std::memory_order_relaxed) >= most_due) {
        due_.fetch_sub(1, std::memory_order_relaxed);
        return;
    }
    mailbox_.post([this, record] {
        due_.fetch_sub(1, std::memory_order_relaxed);
        on_record_(record);
    });
}

}  // namespace otto::control
