#pragma once

#include <cstdint>
#include <ctime>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include <sys/epoll.h>

#include "load_options.h"
#include "message_reader.h"
#include "sockets.h"

namespace bench {

using Nanoseconds = std::int64_t;

constexpr Nanoseconds second = 1'000'000'000;

/// Ends the process when the clock's process is gone.
Nanoseconds read_clock(clockid_t clock);

/// How many of each kind; load.cc says what they mean.
struct Errors {
    std::uint64_t connect = 0, status = 0, length = 0, cut = 0, closed = 0, timeout = 0;

    std::uint64_t sum() const { return connect + status + length + cut + closed + timeout; }
};

/// One of the connections that the load comes over, open or not.
struct Connection {
    enum class Phase { shut, waiting, busy, ending };  // ending: for the peer's close

    Fd fd;
    MessageReader reply;
    Phase phase = Phase::shut;
    bool sent_any = false;
    std::uint64_t sent = 0;  // of head and body
    Nanoseconds since = 0;   // when the request was sent, or due
};

/// All connections, and the loop that serves them: as its options say, in a closed or an open loop.
class Load {
  public:
    explicit Load(const Options& options);

    /// Sends for so long, and until all replies are there.
    void run(double seconds);

    /// One request on each connection; then holds them until stdin ends.
    void hold();

    bool failed() const { return errors_.sum() > 0; }

    /// Prints the line of JSON about the last run.
    void report(Nanoseconds cpu_time);

  private:
    using Phase = Connection::Phase;

    /// Open loop: gives each due request a connection; whether there are more to come.
    bool send_what_is_due();

    Nanoseconds due_time() const;

    /// When to wake up by itself; nothing when only replies can change anything.
    std::optional<Nanoseconds> next_due() const;

    /// Whether the peer is still alive.
    bool turn(std::optional<Nanoseconds> wake);

    void send_request(Connection& connection, Nanoseconds since);
    bool open(Connection& connection);

    /// As much of the request as fits. An error that counts is seen by the reading side, too: the
    /// reply may already be there.
    void push(Connection& connection);

    void handle(const epoll_event& event);

    /// Reads until the socket is empty. `ends`: an end has come, perhaps together with bytes.
    void pull(Connection& connection, bool ends);

    void on_end(Connection& connection);
    void on_reply(Connection& connection);

    /// The connection is free for the next request.
    void go_on(Connection& connection);

    /// An error ends its connection for good: the run is worth nothing anyway.
    void lose(Connection& connection, std::uint64_t& kind);

    static void shut(Connection& connection);

    const Options& options_;
    const std::string head_;
    Fd epoll_;
    std::vector<Connection> connections_;
    std::deque<Connection*> free_;  // open loop
    std::size_t opened_ = 0;        // open loop: connections that were used at least once
    std::uint64_t due_count_ = 0;   // open loop: requests that were sent
    std::size_t busy_ = 0;
    Nanoseconds begin_ = 0;
    Nanoseconds end_ = 0;
    Nanoseconds finished_ = 0;
    std::vector<Nanoseconds> latencies_;
    Errors errors_;
    Payload payload_;
    std::vector<char> scratch_ = std::vector<char>(std::size_t{1} << 16);
};

}  // namespace bench
