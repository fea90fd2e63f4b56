#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "incoming.h"
#include "ledger.h"
#include "loop.h"
#include "outgoing.h"

namespace exchanges {

class Server;

/// One connection of Otto's to a server, which does what the plans of the exchanges say.
class ServerConnection : public Watched {
  public:
    ServerConnection(Server& server, Fd fd);

    void on_ready(std::uint32_t events) override;
    /// Reads what has come, so that it is known, and closes.
    void end(Ending ending);

  private:
    enum class Reply { none, open, sent };

    void read();
    void take(std::string_view bytes);
    bool take_event(std::string_view& bytes);
    void on_head();
    void judge_head();
    void on_body();
    void on_done();
    /// The next request may come, if this one's reply has been sent.
    void begin_next();
    /// The connection ends: a request of which anything has come counts as one that has arrived.
    void close();
    void object(std::string_view rule, std::string_view detail = {});

    bool is_ending() const { return !fd_ || ending_ || end_wanted_; }
    void act();
    void act_now();
    void reply();
    void add_ending(std::uint64_t at, nanoseconds wait, Ending ending);
    void flush();
    void at_stop(const Outgoing::Stop& stop);
    void update();

    Server& server_;
    Ledger& ledger_;
    Fd fd_;
    Incoming in_;
    Outgoing out_;
    Timer act_timer_, send_timer_, read_timer_;
    std::optional<ExchangePlan> exchange_;
    AttemptPlan plan_;
    unsigned attempt_ = 0;
    bool acted_ = false;     // on the present request, or is about to
    bool got_all_ = false;   // of the present request
    bool is_check_ = false;  // a health check
    bool taking_ = false;
    std::optional<Ending> end_wanted_;  // as soon as taking is over
    bool ending_ = false;               // end() is at work
    bool objected_ = false;             // a broken rule has been reported
    Ending later_ = Ending::none;       // when the timer for sending is over
    std::uint64_t reply_end_ = 0;       // where the last reply ends in out_
    Reply reply_ = Reply::none;
    bool wants_to_write_ = false;
    std::uint32_t events_ = EPOLLIN;
};

/// A server with its listening socket.
class Server : public Watched {
  public:
    /// `path`: a UNIX socket there instead of a port of 127.0.0.1.
    Server(Loop& loop, Ledger& ledger, std::uint64_t number, const std::string& path);

    void on_ready(std::uint32_t events) override;
    const std::string& url() const { return url_; }
    bool over_unix() const { return !path_.empty(); }
    /// No more refusing of connections.
    void settle();
    void close_all();

  private:
    friend class ServerConnection;

    void listen();
    void toggle();
    void forget(ServerConnection& connection);

    Loop& loop_;
    Ledger& ledger_;
    Random random_;
    std::string path_;
    std::string url_;
    Fd listener_;
    bool refusing_ = false;
    Timer toggle_timer_;
    std::unordered_map<ServerConnection*, std::unique_ptr<ServerConnection>> connections_;
    std::string scratch_;
};

}  // namespace exchanges
