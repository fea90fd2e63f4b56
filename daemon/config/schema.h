#pragma once

#include <string>

namespace otto {

/// The JSON Schema (draft 2020-12) of config.json, pretty-printed, with descriptions, defaults and
/// ranges. It is written from config_keys(); what a schema cannot say (no duplicate servers, some
/// weight above 0) the parser checks.
std::string config_schema();

}  // namespace otto
