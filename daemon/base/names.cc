#include "base/names.h"

#include <algorithm>

namespace otto {

bool same_addresses(const std::vector<Address>& one, const std::vector<Address>& other) {
    return std::is_permutation(one.begin(), one.end(), other.begin(), other.end());
}

}  // namespace otto
