#pragma once

#include "health/probe.h"

namespace otto {

/// Passes when the server accepts a connection, which is closed without a byte. Control thread
/// only.
class TcpProbe final : public Probe {
  public:
    TcpProbe(const Loop& loop, std::shared_ptr<Server> server, Duration timeout, OnDone on_done);

  private:
    void begin() override;
    void on_ready() override;
};

}  // namespace otto
