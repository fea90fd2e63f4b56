#pragma once

#include <string_view>

#include "http/message.h"

namespace otto::http1 {

enum class ParseState : std::uint8_t { complete, incomplete, malformed };

struct ResponseParse {
    ParseState state = ParseState::incomplete;
    std::size_t length = 0;   // of the head, when complete
    const char* reason = "";  // when malformed
    http::OverLimit over = http::OverLimit::none;
};

/// Parses the response head at the start of `input` (RFC 9112 §§4–6), of a request with `method`,
/// which decides about the body (HEAD, 204, 304 and 1xx have none). Servers belong to the operator:
/// what canonical_head() mends is accepted, and so are a Content-Length that is repeated and the
/// statuses 600 to 999. Conflicting or malformed lengths, an unknown transfer coding, bare CR and
/// control bytes are malformed, and so is a head over the limits. Pure; `head` is valid when
/// complete and as long as `input` is; it is not to be moved.
ResponseParse parse_response_head(std::string_view input, http::Method method,
                                  http::ResponseHead& head,
                                  const http::ResponseLimits& limits = {});

/// The same for a head that arrives in pieces, however small: looks at each byte a few times in
/// all. What is malformed may be found a little later than by parsing each time. One head at a
/// time; a plain value.
class ResponseHeadReader {
  public:
    /// `input` is all that has come of the head so far. After anything but `incomplete`, the next
    /// call is about another head.
    ResponseParse parse(std::string_view input, http::Method method, http::ResponseHead& head,
                        const http::ResponseLimits& limits = {});

  private:
    bool worth_parsing(std::string_view input, Bytes most);

    std::size_t seen_ = 0;    // of the input, without the end of a head
    std::size_t parsed_ = 0;  // the input's size when it was parsed last
};

}  // namespace otto::http1
