#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plan.h"

namespace exchanges {

/// What happened, in numbers.
struct Tally {
    std::uint64_t exchanges = 0;       // requests of which a client sent a byte
    std::uint64_t whole = 0;           // replies of servers that reached their client whole
    std::map<int, std::uint64_t> own;  // replies that Otto gave in place of a server, by status
    std::uint64_t cut = 0;             // replies that broke off
    std::uint64_t unanswered = 0;      // the connection ended before any reply
    std::uint64_t failures = 0;  // injected by servers: resets, early closes, garbage, silence
    std::uint64_t aborts = 0;    // injected by clients
    std::uint64_t uploads = 0;   // request bodies that reached a server whole
    std::uint64_t reloads = 0;
    std::uint64_t restarts = 0;  // of an exchange at a further connection

    Tally& operator+=(const Tally& other);
};

/// What is known of each exchange of a round, and every rule that was broken.
class Ledger {
  public:
    static constexpr unsigned most_arrivals = 20;  // twice retries.attempts, which is at most 10

    Ledger(const Seed& seed, std::uint64_t round) : seed_(seed), round_(round) {}

    const Seed& seed() const { return seed_; }
    Tally& tally() { return tally_; }
    const Tally& tally() const { return tally_; }

    /// A new exchange's id.
    std::uint64_t add();
    void began(std::uint64_t id);
    /// All bytes of the request have been sent.
    void sent_whole(std::uint64_t id);

    bool knows(std::uint64_t id) const;
    /// A connection of a server has got bytes of the request: how many did before it.
    unsigned arrived(const ExchangePlan& plan);
    /// A server has got a request that ends well. The rule that this breaks, or "".
    std::string_view arrived_whole(const ExchangePlan& plan, std::uint64_t body_length);
    /// A server has sent the last byte of its reply.
    void replied(std::uint64_t id, unsigned attempt);

    /// How many connections of servers have got bytes of the request.
    unsigned arrivals(std::uint64_t id) const { return at(id).arrivals; }
    bool has_arrived(std::uint64_t id, unsigned attempt) const;
    bool has_replied(std::uint64_t id, unsigned attempt) const;

    /// Reports that a rule was broken.
    void violation(std::string_view rule, std::uint64_t id, std::string_view detail);
    std::uint64_t violations() const { return violations_; }

  private:
    struct Record {
        std::uint32_t replied = 0;  // a bit for each attempt
        std::uint8_t arrivals = 0;
        bool began = false;
        bool sent_whole = false;
    };

    Record& at(std::uint64_t id) { return records_[id & 0xffffffff]; }
    const Record& at(std::uint64_t id) const { return records_[id & 0xffffffff]; }

    Seed seed_;
    std::uint64_t round_;
    std::vector<Record> records_;
    Tally tally_;
    std::uint64_t violations_ = 0;
};

/// The plan in a line, for reports.
std::string describe(const ExchangePlan& plan);

}  // namespace exchanges
