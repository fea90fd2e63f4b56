#pragma once

#include "base/time.h"

namespace otto {

/// Keeps retries from multiplying the load of servers that are in trouble: a share of the requests,
/// and a few per second besides (as in Finagle's RetryBudget). A plain value of one thread; pure.
class RetryBudget {
  public:
    /// `percent` of the requests and `per_second` more may be retried. Keeps what has been saved
    /// up.
    void configure(double percent, double per_second);

    /// A request came in.
    void deposit();
    /// Takes one retry, if there is one to take.
    bool withdraw(TimePoint now);

  private:
    double per_request_ = 0;
    double per_second_ = 0;
    double saved_ = 0;  // retries, at most what window_requests and window bring in
    double most_ = 0;
    TimePoint refilled_{};
};

}  // namespace otto
