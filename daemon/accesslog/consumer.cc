#include "accesslog/consumer.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "base/phrases.h"
#include "log/journal.h"

namespace otto::accesslog {

namespace {

/// Between tries of a target that fails, while something waits to be written.
constexpr Duration retry_pace = std::chrono::seconds(1);
/// Between two records about losses.
constexpr Duration least_pause = std::chrono::minutes(1);
/// Without a loss, after which a run of them is over.
constexpr Duration quiet = std::chrono::seconds(2);

/// What an operator may do about it.
std::string_view advice(int number, bool journal) {
    switch (number) {
        case ENOENT:
        case ENOTDIR:
            return journal ? "; start journald" : "; create the folder";
        case EACCES:
        case EPERM:
        case EROFS:
            return "; allow Otto to write there (under systemd: ReadWritePaths=)";
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return "; free some space";
        case ENXIO:
        case EPIPE:
            return "; the FIFO has no reader";
    }
    return "";
}

std::uint64_t count_lines(std::string_view lines) {
    return static_cast<std::uint64_t>(std::ranges::count(lines, '\n'));
}

}  // namespace

void Consumer::run() {
    for (;;) {
        take_orders();
        const Progress progress = write_all(ends_);
        report_losses(progress);
        const bool stuck = progress == Progress::failed || now() >= close_by_;
        if (closing_ && (progress == Progress::done || stuck)) break;
        wait(progress);
    }
    report_rest();
}

void Consumer::take_orders() {
    Queue::Orders orders;
    {
        const std::lock_guard lock(queue_.mutex);
        orders = std::exchange(queue_.orders, {});
        queue_.orders.close = orders.close;
        // What is there now came before any order that is still to be given.
        ends_.clear();
        for (const auto& buffer : queue_.buffers) ends_.push_back(buffer->ring.end());
    }
    if (!orders.before.empty()) write_all(orders.before);
    if (orders.configured) change_to(orders.config);
    if (orders.reopen && target_) reopen_when_whole_ = true;
    if (orders.reopen && !target_) retry_at_ = {};
    if (reopen_when_whole_ && !target_->begun()) open_target();
    if (orders.close && !std::exchange(closing_, true)) {
        close_by_ = now() + shutdown_deadline;
        retry_at_ = {};
    }
}

void Consumer::change_to(const AccessLogConfig& config) {
    const bool elsewhere = config.target != config_.target;
    const bool lines = config.target != "journal" && config_.target != "journal";
    if (elsewhere) {
        let_target_go();
        if (!lines || !config.enabled()) drop_buffer();
        trouble_.clear();
    }
    config_ = config;
    if (elsewhere && config.enabled()) open_target();
}

// ---- writing -----------------------------------------------------------------------------------

/// Up to the given position of each ring.
Consumer::Progress Consumer::write_all(std::span<const std::uint64_t> ends) {
    if (!config_.enabled()) {
        discard_all(ends);
        return Progress::done;
    }
    if (!anything_waits()) return Progress::done;
    const bool due = now() >= retry_at_;
    if (!target_ && (!due || !open_target())) return Progress::failed;
    const bool anew = (reopen_due_ && due) || target_->removed();
    if (anew && !open_target()) return Progress::failed;

    format_.set_clock(now(), std::chrono::system_clock::now());
    for (std::size_t at = 0; at < queue_.buffers.size(); ++at) {
        RecordRing& ring = queue_.buffers[at]->ring;
        for (; !ring.done_up_to(ends[at]); ring.pop()) {
            if (buffer_.size() >= target_->batch()) {
                const Progress progress = flush();
                if (progress != Progress::done) return progress;
            }
            spell(ring.front());
        }
    }
    return flush();
}

void Consumer::spell(std::span<const char> bytes) {
    const Record record = read_record(bytes);
    if (config_.target == "journal") {
        format_.append_journal(buffer_, record);
        return;
    }
    switch (config_.format) {
        case AccessLogConfig::Format::json:
            format_.append_json(buffer_, record);
            return;
        case AccessLogConfig::Format::combined:
            format_.append_combined(buffer_, record);
            return;
    }
}

Consumer::Progress Consumer::flush() {
    if (buffer_.empty()) return Progress::done;
    const auto written = target_->write(buffer_);
    if (!written) {
        let_target_go();
        retry_at_ = now() + retry_pace;
        report_trouble(written.error());
        return Progress::failed;
    }
    if (!reopen_due_) report_recovery();
    if (reopen_when_whole_ && !target_->begun() && !open_target()) return Progress::failed;
    return *written ? Progress::done : Progress::blocked;
}

/// Opens it, or else goes on with what there was before if that makes sense. False: there is none.
bool Consumer::open_target() {
    reopen_when_whole_ = false;
    auto opened = Target::open(config_.target, config_.own_file);
    if (opened) {
        let_target_go();
        target_ = std::move(*opened);
        reopen_due_ = false;
        return true;
    }
    retry_at_ = now() + retry_pace;
    reopen_due_ = target_ && !target_->removed();
    report_trouble(opened.error());
    if (!reopen_due_) let_target_go();
    return reopen_due_;
}

void Consumer::let_target_go() {
    if (target_ && target_->begun()) {
        buffer_.erase(0, buffer_.find('\n') + 1);
        queue_.lost.fetch_add(1, std::memory_order_relaxed);
    }
    target_.reset();
    reopen_due_ = reopen_when_whole_ = false;
}

void Consumer::drop_buffer() {
    const bool journal = config_.target == "journal";
    const std::uint64_t records = journal ? 1 : count_lines(buffer_);
    if (!buffer_.empty()) queue_.lost.fetch_add(records, std::memory_order_relaxed);
    buffer_.clear();
}

bool Consumer::anything_waits() const {
    return !buffer_.empty() || std::ranges::any_of(queue_.buffers, [](const auto& buffer) {
        return !buffer->ring.done_up_to(buffer->ring.end());
    });
}

void Consumer::discard_all(std::span<const std::uint64_t> ends) {
    for (std::size_t at = 0; at < queue_.buffers.size(); ++at) {
        RecordRing& ring = queue_.buffers[at]->ring;
        for (; !ring.done_up_to(ends[at]); ring.pop()) static_cast<void>(ring.front());
    }
}

// ---- telling -----------------------------------------------------------------------------------

std::string Consumer::name() const {
    if (config_.target == "journal") return "the access log in the journal";
    if (config_.target == "stdout") return "the access log on standard output";
    return "the access log " + config_.target;
}

/// Once for each reason.
void Consumer::report_trouble(const Error& error) {
    if (error.message == trouble_) return;
    trouble_ = error.message;
    log(Priority::error, &messages::access_log_failed,
        fmt::format("{} cannot be {}: {}{}", name(), reopen_due_ ? "reopened" : "written", trouble_,
                    advice(error.number, config_.target == "journal")),
        {{"TARGET", config_.target}, {"REASON", trouble_}});
}

void Consumer::report_recovery() {
    if (trouble_.empty()) return;
    trouble_.clear();
    log(Priority::notice, &messages::access_log_resumed,
        fmt::format("{} can be written again", name()),
        {{"TARGET", config_.target}, {"LOST", "0"}});
}

void Consumer::report_losses(Progress progress) {
    const std::uint64_t lost = queue_.dropped();
    const TimePoint time = now();
    if (lost != seen_) {
        seen_ = lost;
        seen_at_ = time;
    }
    if (seen_ != told_ && (told_at_ == TimePoint{} || time - told_at_ >= least_pause)) {
        std::string why = "it cannot be written fast enough";
        if (progress == Progress::blocked) why = "it is blocked";
        if (progress == Progress::failed) why = trouble_;
        if (!lossy_) start_ = told_;
        log(Priority::warning, &messages::access_log_lossy,
            fmt::format("{} is losing records, {} since the last report: {}", name(), seen_ - told_,
                        why),
            {{"TARGET", config_.target}, {"LOST", std::to_string(seen_ - told_)}, {"REASON", why}});
        told_ = seen_;
        told_at_ = time;
        lossy_ = true;
    }
    if (!lossy_ || progress != Progress::done || time - seen_at_ < quiet) return;
    lossy_ = false;
    told_ = seen_;
    log(Priority::notice, &messages::access_log_resumed,
        fmt::format("{} is no longer losing records; {} lost", name(),
                    counted(seen_ - start_, "record")),
        {{"TARGET", config_.target}, {"LOST", std::to_string(seen_ - start_)}});
}

/// At the end.
void Consumer::report_rest() {
    drop_buffer();
    std::uint64_t rest = 0;
    for (const auto& buffer : queue_.buffers)
        for (; !buffer->ring.front().empty(); buffer->ring.pop()) ++rest;
    queue_.lost.fetch_add(rest, std::memory_order_relaxed);
    const std::uint64_t lost = queue_.dropped() - told_;
    if (lost == 0) return;
    const std::string why = trouble_.empty() ? "Otto stopped before they were written" : trouble_;
    log(Priority::warning, &messages::access_log_lossy,
        fmt::format("{} is closed, {} lost: {}", name(), counted(lost, "more record"), why),
        {{"TARGET", config_.target}, {"LOST", std::to_string(lost)}, {"REASON", why}});
}

// ---- waiting -----------------------------------------------------------------------------------

/// Until there is an order or something to write, the target takes more, or a time has come.
void Consumer::wait(Progress progress) const {
    queue_.bad.store(!trouble_.empty() || lossy_, std::memory_order_relaxed);
    TimePoint until = TimePoint::max();
    if (progress == Progress::failed) until = retry_at_;
    if (closing_) until = std::min(until, close_by_);
    if (lossy_ && progress == Progress::done) until = std::min(until, seen_at_ + quiet);
    if (seen_ != told_) until = std::min(until, told_at_ + least_pause);
    int timeout = -1;
    if (until != TimePoint::max()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now());
        timeout = static_cast<int>(std::max<long long>(left.count(), 1));
    }
    pollfd fds[] = {{.fd = queue_.wake_fd.get(), .events = POLLIN, .revents = 0},
                    {.fd = progress == Progress::blocked ? target_->fd() : -1,
                     .events = POLLOUT,
                     .revents = 0}};
    if (poll(fds, std::size(fds), timeout) <= 0 || fds[0].revents == 0) return;
    std::uint64_t count = 0;
    static_cast<void>(!read(queue_.wake_fd.get(), &count, sizeof count));
}

}  // namespace otto::accesslog
