#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>

#include "event/timer.h"
#include "http/client_stream.h"
#include "proxy/attempt.h"
#include "proxy/request_body.h"
#include "proxy/snapshot.h"

namespace otto {

class Worker;

/// One request from its head to the end of its reply:
///
///     begin ─→ choose ─→ attempt ─→ reply relayed ─→ over
///       │        │  ↑       │ failed
///       │        │  └───────┤ safe to try another server
///       │        └ wait ────│ (for the first verdicts on the servers)
///       └────────┴──────────┴─→ Otto's own reply ─→ over
///
/// Exchanges are recycled by their worker and used on its thread only.
class Exchange final : private http::ClientObserver, private AttemptObserver {
  public:
    explicit Exchange(Worker& worker);

    /// Takes on a request. The exchange gives itself back to the worker when it is over.
    void begin(http::ClientStream& client);
    /// The candidates have changed; concerns those that wait.
    void candidates_changed();

  private:
    enum class Phase : std::uint8_t { none, waiting, attempting };

    void on_client_body() override;
    void on_client_drained() override;
    void on_client_gone() override;

    void on_attempt_failed(Failure failure, std::string_view detail) override;
    void on_request_refused(unsigned status, const char* reason) override;
    void on_reply_complete(bool client_keep_alive) override;
    void on_reply_cut(std::string_view detail, bool noticed) override;
    void on_client_broken() override;
    void on_progress(Duration limit) override;

    bool answer_locally();
    void choose();
    void attempt(Server& server, bool fresh = false);
    void timed_out();
    void reply(unsigned status, std::string_view extra_fields = {});
    void log_failure(const Server& server, std::string_view what, std::string_view detail,
                     std::string_view then) const;
    void over();

    static constexpr unsigned attempts_allowed = 2;

    Worker& worker_;
    Phase phase_ = Phase::none;
    http::ClientStream* client_ = nullptr;
    std::shared_ptr<const Snapshot> snapshot_;
    std::shared_ptr<const Candidates> candidates_;  // keeps the attempt's server alive
    RequestBody body_;
    std::optional<Attempt> attempt_;
    std::array<Server*, attempts_allowed> tried_{};
    unsigned attempts_ = 0;
    Timer timer_;
};

}  // namespace otto
