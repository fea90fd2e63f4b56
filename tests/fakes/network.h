#pragma once

namespace otto::fakes {

/// While one exists, no connection over IP comes up in this process: connect(2) fails with an
/// errno, at once or after it was in progress. Link fakes/network.cc. One at a time.
class BrokenNetwork {
  public:
    enum class When { at_once, later };

    BrokenNetwork(int error_number, When when);
    ~BrokenNetwork();
    BrokenNetwork(const BrokenNetwork&) = delete;
    BrokenNetwork& operator=(const BrokenNetwork&) = delete;
};

}  // namespace otto::fakes
