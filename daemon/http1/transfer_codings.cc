#include "http1/transfer_codings.h"

#include <algorithm>
#include <cstddef>

#include "http/characters.h"
#include "http/fields.h"

namespace otto::http1 {

using namespace http;

namespace {

constexpr std::size_t max_coding = 64;

}  // namespace

void TransferCodings::add(std::string_view value) {
    seen_ = true;
    std::ptrdiff_t elements = 0;
    const bool clean = for_each_element(value, [&](std::string_view coding) {
        ++elements;
        return add_coding(coding);
    });
    // An empty element may be where another reader sees something.
    if (!clean || elements != std::count(value.begin(), value.end(), ',') + 1) malformed_ = true;
}

Refusal TransferCodings::verdict() const {
    if (malformed_) return bad_request("a malformed Transfer-Encoding");
    if (unknown_) return {501, "an unknown transfer coding"};
    return {};
}

bool TransferCodings::add_coding(std::string_view coding) {
    constexpr std::string_view known = "chunked";
    if (coding.size() > max_coding || chunked_) return false;
    if (equal_ignoring_case(coding, known)) return chunked_ = true;
    unknown_ = true;
    const std::string_view name = trim(coding.substr(0, coding.find(';')));
    if (!is_token(name)) return false;
    for (std::size_t i = 0; i + known.size() <= name.size(); ++i)
        if (equal_ignoring_case(name.substr(i, known.size()), known)) return false;
    return true;
}

}  // namespace otto::http1
