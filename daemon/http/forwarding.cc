#include "http/forwarding.h"

#include <charconv>

namespace otto::http {

std::optional<Bytes> max_forwards(const RequestHead& request) {
    const Field* field = request.find(FieldId::max_forwards);
    if (field == nullptr) return std::nullopt;
    Bytes number = 0;
    const char* end = field->value.data() + field->value.size();
    const auto parsed = std::from_chars(field->value.data(), end, number);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    return number;
}

}  // namespace otto::http
