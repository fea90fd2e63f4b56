#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace otto::http {

/// Walks the cookies of one name that a request brings (RFC 6265 §4.2): there may be several, in
/// one Cookie field or in many. What is no NAME=VALUE is passed over. A value of the request's
/// lifetime; copies nothing.
class Cookies {
  public:
    Cookies(const RequestHead& request, std::string_view name);

    /// The value of the next one, as it came, quotes included; nothing at the end.
    std::optional<std::string_view> next();

  private:
    const RequestHead& request_;
    std::string_view name_;
    std::size_t field_ = 0;   // the next to look at
    std::string_view value_;  // of the current one
    std::string_view rest_;   // of that
};

}  // namespace otto::http
