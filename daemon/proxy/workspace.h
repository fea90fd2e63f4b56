#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "event/loop.h"
#include "event/spares.h"
#include "http/message.h"
#include "http/request_id.h"
#include "net/pipe.h"

namespace otto {

/// What the exchanges of one worker work with: memory that they share, so that the steady state
/// allocates nothing, pipes, the date, and request ids. Owned by the worker, used on its thread.
class Workspace {
  public:
    explicit Workspace(const Loop& loop);

    // Their content is lost with the next user.
    std::span<char> scratch(Bytes limit) {
        return std::span(scratch_).first(std::min<std::size_t>(scratch_.size(), limit));
    }
    http::ResponseHead& response_head() { return response_head_; }

    std::string take_buffer();
    void give_buffer(std::string buffer);
    net::PipePool& pipes() { return pipes_; }
    http::RequestId make_request_id() { return request_ids_.next(); }
    /// The current date as IMF-fixdate.
    std::string_view date();

  private:
    std::vector<char> scratch_;
    http::ResponseHead response_head_;
    Spares<std::string> buffers_;
    net::PipePool pipes_;
    http::RequestIds request_ids_;
    std::string date_;
    long long date_second_ = 0;
};

}  // namespace otto
