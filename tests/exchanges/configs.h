#pragma once

#include <string>
#include <vector>

#include "plan.h"

namespace exchanges {

/// What a configuration of a round is made of.
struct ConfigPlace {
    std::vector<std::string> urls;
    unsigned workers = 1;  // does not change while Otto runs
    std::string access_log;
};

/// Random settings around the servers, valid in any case.
std::string random_config(Random& random, Profile profile, const ConfigPlace& place);

}  // namespace exchanges
