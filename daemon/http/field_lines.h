#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace otto::http {

/// What parse_field_lines found.
struct FieldLines {
    enum class State : std::uint8_t { complete, incomplete, malformed, too_many };
    State state = State::incomplete;
    std::size_t length = 0;   // with the empty line, when complete
    const char* reason = "";  // when malformed
    bool underscore = false;  // a name has one: see imitated_field()
};

/// Parses field lines up to and with the empty line that ends them (RFC 9112 §5), of a header or
/// trailer section, and appends them to `fields`, at most `max_count`. Strict: CRLF only, a token
/// directly before the colon, no obs-fold, no control characters but HTAB; obs-text (0x80–0xff) is
/// allowed in values. Pure.
FieldLines parse_field_lines(std::string_view input, std::size_t max_count,
                             std::vector<Field>& fields);

/// The field that `name` would be were its underscores hyphens, or `other`. Gateways that turn
/// names into variables (CGI, WSGI, Rack) take "X_Forwarded_For" for "X-Forwarded-For": such a name
/// can be read in two ways.
FieldId imitated_field(std::string_view name);

/// A Content-Length field's value (RFC 9110 §8.6): digits only, without leading zeros, below 2^63;
/// no list, even of equal values.
std::optional<Bytes> parse_content_length(std::string_view value);

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
