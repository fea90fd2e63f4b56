#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

#include "client.h"
#include "configs.h"
#include "ledger.h"
#include "otto_process.h"
#include "server.h"

namespace exchanges {

struct RoundOptions {
    std::string otto;  // the program
    Seed seed;
    std::uint64_t number = 0;
    Duration length{};
    Duration patience{};  // for what has to come
};

/// One Otto, from its start to its end: clients and servers of its own, reloads between, and a
/// look at what is left when all is over.
class Round {
  public:
    explicit Round(const RoundOptions& options);
    ~Round();

    void run();
    const Ledger& ledger() const { return ledger_; }

  private:
    ConfigPlace make_place();
    void open_clients();
    void reload_after();
    /// Turns the loop until `done`; false when patience ends before.
    template <typename Done>
    bool wait_until(Done done);
    void end_traffic();
    void check_left();
    void check_end();

    RoundOptions options_;
    std::string folder_;
    Loop loop_;
    Ledger ledger_;
    Random random_;
    std::vector<std::unique_ptr<Server>> servers_;
    ConfigPlace place_;
    OttoProcess otto_;
    std::map<std::string, std::size_t> files_before_;
    std::unordered_map<ClientConnection*, std::unique_ptr<ClientConnection>> clients_;
    std::uint64_t connections_ = 0;
    std::size_t wanted_ = 0;  // clients at once
    Timer reload_timer_;
};

}  // namespace exchanges
