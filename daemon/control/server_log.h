#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "balance/ejections.h"
#include "control/rotation.h"
#include "health/monitor.h"
#include "health/resolver.h"
#include "log/journal.h"
#include "log/record_fold.h"
#include "proxy/snapshot.h"

namespace otto::control {

/// The records about servers and their names. What a record reports is in use by the workers when
/// it is logged, so that requests after it behave accordingly. Of many records of a kind in a
/// second, the rest are one record. Owned by Servers; control thread.
class ServerLog {
  public:
    // Logged by flush().
    void flipped(const Monitor::Flip& flip, const std::string& name);
    void ejected(const Member& member, const Ejections::Ejected& ejected,
                 const std::string& reason);
    void back(const Member& member, const std::string& reason);

    /// Workers use what was reported so far.
    void flush();
    /// Once a second: logs what stands for the rest.
    void tick();

    // Logged at once.
    void name_changed(const Resolver::News& news);
    /// `pool` as it is published.
    static void service_changed(Rotation::Service service, const Pool& pool);

  private:
    struct Record {
        Priority priority;
        const MessageType* type;
        std::string text;
        std::vector<LogField> fields;
    };

    void add(Record record);

    std::vector<Record> waiting_;
    RecordFold fold_;
};

}  // namespace otto::control
