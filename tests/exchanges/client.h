#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include <sys/socket.h>

#include "incoming.h"
#include "ledger.h"
#include "loop.h"
#include "outgoing.h"

namespace exchanges {

/// Where Otto listens.
struct Target {
    sockaddr_storage address{};
    socklen_t length = 0;
};

/// One connection of a client, and the exchanges that it carries.
class ClientConnection : public Watched {
  public:
    /// `on_end` gives it away.
    ClientConnection(Loop& loop, Ledger& ledger, const ConnectionPlan& plan,
                     std::function<void(ClientConnection&)> on_end);

    /// False when it cannot connect.
    bool open(const Target& target);
    void on_ready(std::uint32_t events) override;
    /// No further requests.
    void settle() { added_ = plan_.requests; }
    /// What it waits for, for reports.
    std::string describe_state() const;

  private:
    /// A request without its whole reply.
    struct Pending {
        ExchangePlan plan;
        std::uint64_t begin = 0, end = 0;  // in out_
        std::uint64_t held = 0;            // its body waits for 100 (Continue) here; 0: not
        bool sent = false;
    };

    void add_requests();
    void add_request();
    void flush();
    void note_sent();
    void at_stop(const Outgoing::Stop& stop);
    void release();

    void read();
    void take(std::string_view bytes);
    void on_head();
    void judge_server_head(std::string_view exchange);
    void judge_own_head();
    void on_done();
    void on_end(bool orderly);
    bool had_whole_reply(const Pending& pending) const;
    void object(std::string_view rule, std::string_view detail = {});

    void finish();
    void abort(Ending ending);
    void close();
    void update();

    Loop& loop_;
    Ledger& ledger_;
    const ConnectionPlan plan_;
    unsigned slow_reads_;
    std::function<void(ClientConnection&)> on_end_;
    Fd fd_;
    Incoming in_;
    Outgoing out_;
    std::deque<Pending> pending_;
    std::optional<ExchangePlan> last_;  // whose reply came last
    unsigned added_ = 0;
    std::string cookie_;
    bool from_server_ = false;  // the reply that is being read
    unsigned attempt_ = 0;      // whose it is
    bool closing_ = false;      // no further replies come
    bool send_broken_ = false;
    bool wants_to_write_ = true;
    Timer send_timer_, hold_timer_, read_timer_;
    std::uint32_t events_ = EPOLLIN | EPOLLOUT;
    std::uint64_t read_ = 0;  // bytes of the present reply
};

}  // namespace exchanges
