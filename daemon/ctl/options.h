#pragma once

#include <functional>
#include <string>

#include "ctl/console/console.h"
#include "ctl/console/exit.h"

namespace otto::ctl {

/// What the command line asks for.
struct Options {
    std::string socket = default_place;
    bool json = false;
    std::function<Exit(const Console&)> command;  // none: there is nothing to do any more
    Exit exit = Exit::ok;                         // then
};

/// Prints what is wrong; what --help and --version ask for is a command.
Options parse_options(int argc, char** argv);

}  // namespace otto::ctl
