#include "http/request_judge.h"

#include "http/authority.h"
#include "http/characters.h"

namespace otto::http {

Refusal RequestJudge::see_host(std::string_view value) {
    if (has_host_) return bad_request("more than one Host");
    has_host_ = true;
    if (!is_authority(value))
        return bad_request(value.empty() ? "an empty Host" : "a malformed Host");
    if (head_.method == Method::connect) return {};
    if (!head_.absolute_form) {
        head_.authority = value;
    } else if (!same_authority(head_.authority, value, head_.https ? 443 : 80)) {
        return bad_request("a Host that differs from the target's");
    }
    return {};
}

Refusal RequestJudge::see_length(std::string_view value) {
    if (has_length_) return bad_request("more than one Content-Length");
    has_length_ = true;
    const auto length = parse_content_length(value);
    if (!length) return bad_request("a malformed Content-Length");
    head_.content_length = *length;
    return {};
}

/// Twice is a list, as in one field: nothing that Otto knows to be met.
void RequestJudge::see_expect(std::string_view value) {
    for_each_element(value, [this](std::string_view expectation) {
        if (expects_ || !equal_ignoring_case(expectation, "100-continue")) expects_other_ = true;
        expects_ = true;
        return true;
    });
}

}  // namespace otto::http
