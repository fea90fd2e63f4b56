#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/time.h"

namespace otto {

/// Which servers (by Server::id) are ejected for their errors, until when, and how often in a row.
/// The first ejection lasts `base`, each further one in a row twice as long as the one before, but
/// at most `max`; a server that has been back for `max` starts over. When its time has ended, a
/// server is half-open: it stays out until one probe request or one check succeeds, and is ejected
/// again if the request fails. Whether a server may be ejected at all is may_eject()'s question
/// (balance/eligible.h). Pure; one thread.
class Ejections {
  public:
    struct Ejected {
        Duration length;
        unsigned times;  // in a row, this one included
    };

    /// `base` <= `max`. Holds from the next ejection on.
    void configure(Duration base, Duration max);

    /// Takes a server out that is in; nothing when it is out already, half-open or not.
    std::optional<Ejected> eject(std::uint64_t server, TimePoint now);
    /// Those whose time has come to an end: they are half-open now.
    std::vector<std::uint64_t> expire(TimePoint now);
    /// A request or a check succeeded. True when the server was half-open: it is back.
    bool un_eject(std::uint64_t server, TimePoint now);
    /// The probe request failed: ejects again. Nothing when the server is not half-open.
    std::optional<Ejected> eject_again(std::uint64_t server, TimePoint now);

    /// Ejected or half-open.
    bool out(std::uint64_t server) const { return out_ != 0 && find_out(server) != nullptr; }
    bool half_open(std::uint64_t server) const;
    /// When the ejection of a server ends, in the past when it is half-open; nothing when it is in.
    std::optional<TimePoint> until(std::uint64_t server) const;
    /// How many are out.
    std::size_t count() const { return out_; }
    /// When the next ejection ends.
    std::optional<TimePoint> next_end() const;

    /// Forgets a server that is gone.
    void forget(std::uint64_t server);
    /// All servers that have a record.
    std::vector<std::uint64_t> known() const;

  private:
    enum class Phase : std::uint8_t { ejected, half_open, back };
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
