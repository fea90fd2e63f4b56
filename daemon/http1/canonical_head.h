#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace otto::http1 {

/// What canonical_head() found.
struct CanonicalHead {
    std::size_t length = 0;       // of the head in the input; 0: not complete
    const char* wrong = nullptr;  // not null: it cannot be made canonical
};

/// Rewrites the response head at the start of `input` into `out`, as the grammar wants it: line
/// ends that are bare LFs become CRLFs, white space before colons goes (RFC 9112 §5.1), folded
/// lines become one (§5.2), two spaces before the status become one. Nothing else changes: whatever
/// else is wrong is left for the parser. Content-Length and Transfer-Encoding must be neither
/// folded nor followed by white space, since other readers would not see them. Of a head that is
/// not complete, `out` gets the complete lines, and the status line as far as it has come. Pure and
/// linear.
CanonicalHead canonical_head(std::string_view input, std::string& out);

}  // namespace otto::http1
