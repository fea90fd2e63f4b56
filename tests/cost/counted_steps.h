#pragma once

#include <cstdint>

namespace otto {

/// The steps of this program so far: basic blocks of the parsers, which are compiled with
/// -fsanitize-coverage=trace-pc, and bytes that they have libc search, compare or copy. What
/// libstdc++ does inside its shared library is not counted. The same input costs the same number
/// on each run. Used by one thread.
std::uint64_t counted_steps();

}  // namespace otto
