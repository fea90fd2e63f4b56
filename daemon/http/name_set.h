#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/fields.h"

namespace otto::http {

/// Names of fields, in any case. Most names that are not in it have a length that none of them has.
/// Immutable, pure.
template <std::size_t count>
class NameSet {
  public:
    /// Shorter than 32 bytes each.
    explicit constexpr NameSet(const std::array<std::string_view, count>& names) : names_(names) {
        for (const std::string_view name : names_) lengths_ |= 1u << name.size();
    }

    bool contains(std::string_view name) const {
        if (name.size() >= 32 || (lengths_ >> name.size() & 1u) == 0) return false;
        return std::any_of(names_.begin(), names_.end(), [name](std::string_view each) {
            return equal_ignoring_case(each, name);
        });
    }

  private:
    std::array<std::string_view, count> names_;
    std::uint32_t lengths_ = 0;  // a bit for each
};

}  // namespace otto::http
