#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/time.h"

namespace otto {

/// Which servers (by Server::id) are ejected for their errors, until when, and how often in a row.
/// The first ejection lasts `base`, each further one in a row twice as long as the one before, but
/// at most `max`; a server that has been back for `max` begins afresh. When its time is over a
/// server is on trial: it stays out until one request or one check went well, and is ejected anew
/// if the request did not. May a server be ejected at all? That is may_eject()'s question
/// (balance/eligible.h). Pure, of one thread.
class Ejections {
  public:
    struct Ejected {
        Duration length;
        unsigned times;  // in a row, this one included
    };

    /// `base` <= `max`. Holds from the next ejection on.
    void configure(Duration base, Duration max);

    /// Takes a server out that is in; nothing when it is out already, on trial or not.
    std::optional<Ejected> eject(std::uint64_t server, TimePoint now);
    /// Those whose time has come to an end: they are on trial now.
    std::vector<std::uint64_t> expire(TimePoint now);
    /// A request or a check went well. True when that ends the server's trial: it is back.
    bool acquit(std::uint64_t server, TimePoint now);
    /// The trial's request failed: ejects anew. Nothing when the server is not on trial.
    std::optional<Ejected> convict(std::uint64_t server, TimePoint now);

    /// Ejected or on trial.
    bool out(std::uint64_t server) const { return out_ != 0 && find_out(server) != nullptr; }
    bool on_trial(std::uint64_t server) const;
    /// When the ejection of a server ends, in the past when it is on trial; nothing when it is in.
    std::optional<TimePoint> until(std::uint64_t server) const;
    /// How many are out.
    std::size_t count() const { return out_; }
    /// When the next ejection ends.
    std::optional<TimePoint> next_end() const;

    /// Forgets a server that is gone.
    void forget(std::uint64_t server);
    /// Everybody who has a record.
    std::vector<std::uint64_t> known() const;

  private:
    enum class Phase : std::uint8_t { ejected, on_trial, back };
    struct Record {
        Phase phase = Phase::back;
        unsigned times = 0;
        TimePoint until{};  // the end of the last ejection; once it is back, the time of that
    };

    const Record* find_out(std::uint64_t server) const;
    Ejected put_out(Record& record, TimePoint now);

    Duration base_ = std::chrono::seconds(30);
    Duration max_ = std::chrono::minutes(5);
    std::size_t out_ = 0;  // records that are not `back`
    std::unordered_map<std::uint64_t, Record> records_;
};

}  // namespace otto
