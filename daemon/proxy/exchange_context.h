#pragma once

#include <functional>

#include "event/loop.h"
#include "proxy/ledger.h"
#include "proxy/upstreams.h"
#include "proxy/workspace.h"

namespace otto {

class Exchange;

/// What exchanges and their attempts need. Outlives them; all of it belongs to one thread.
struct ExchangeContext {
    const Loop& loop;
    Upstreams& upstreams;
    Ledger& ledger;
    Workspace& workspace;
    /// Takes an exchange back that is over. It may be running, and must not be destroyed yet.
    std::function<void(Exchange&)> on_over;
};

}  // namespace otto
