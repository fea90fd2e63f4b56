#pragma once

#include <string_view>

#include "http/message.h"

namespace otto::http {

/// What the fields of one request say together, by the rules that hold whatever protocol carries it
/// (RFC 9110). Strict: what could be read in two ways is refused. Writes what it learns to the
/// head, which outlives it.
class RequestJudge {
  public:
    explicit RequestJudge(RequestHead& head) : head_(head) {}

    /// The values of Host, which must agree with the target's authority, of Content-Length, and of
    /// Expect.
    Refusal see_host(std::string_view value);
    Refusal see_length(std::string_view value);
    void see_expect(std::string_view value);

    bool has_host() const { return has_host_; }
    bool has_length() const { return has_length_; }
    /// After all fields: 100-continue is expected, or something else is, too.
    bool expects() const { return expects_; }
    bool expects_other() const { return expects_other_; }

  private:
    RequestHead& head_;
    bool has_host_ = false;
    bool has_length_ = false;
    bool expects_ = false;
    bool expects_other_ = false;
};

}  // namespace otto::http
