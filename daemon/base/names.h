#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "base/address.h"

namespace otto {

/// What is known about the addresses of a host name. A plain value.
struct NameAnswer {
    /// From the last lookup that succeeded, with port 0, in the order of RFC 6724; empty before.
    std::vector<Address> addresses;
    /// Why the name has no addresses, or none that are up to date ("its name does not resolve
    /// (…)"); "" while all is well, and while there is reason to wait for the first answer.
    std::string trouble;
};

/// By host name.
using NameAnswers = std::unordered_map<std::string, NameAnswer>;

/// Whether two lists have the same addresses, in whatever order: resolvers like to rotate them.
bool same_addresses(const std::vector<Address>& one, const std::vector<Address>& other);

}  // namespace otto
