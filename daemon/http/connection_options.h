#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "http/fields.h"

namespace otto::http {

/// More connection options than this in one message are refused.
inline constexpr unsigned max_connection_options = 32;

/// What the Connection fields of a message say (RFC 9110 §7.6.1).
struct ConnectionOptions {
    bool close = false;
    bool keep_alive = false;
    bool upgrade = false;
    bool nominates = false;  // names further options, which may be fields to be dropped
    unsigned count = 0;      // stops at max_connection_options + 1

    void add(std::string_view value);
};

/// The fields that the Connection fields of a message name: they are hop-by-hop. Views of those
/// fields.
class NominatedFields {
  public:
    explicit NominatedFields(const std::vector<Field>& fields);

    /// Costs a few comparisons of `name`, however many there are.
    bool has(std::string_view name) const;

  private:
    static bool before(std::string_view left, std::string_view right);
    void add(std::string_view name);

    std::array<std::string_view, max_connection_options> names_;
    std::size_t count_ = 0;
};

}  // namespace otto::http
