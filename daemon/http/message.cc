#include "http/message.h"

#include <utility>

namespace otto::http {

namespace {

const Field* find_field(const std::vector<Field>& fields, FieldId id) {
    for (const Field& field : fields)
        if (field.id == id) return &field;
    return nullptr;
}

}  // namespace

void RequestHead::clear() {
    auto kept = std::move(fields);
    kept.clear();
    *this = RequestHead();
    fields = std::move(kept);
}

const Field* RequestHead::find(FieldId id) const {
    return find_field(fields, id);
}

void ResponseHead::clear() {
    auto kept = std::move(fields);
    auto buffer = std::move(canonical);
    kept.clear();
    *this = ResponseHead();
    fields = std::move(kept);
    canonical = std::move(buffer);
}

const Field* ResponseHead::find(FieldId id) const {
    return find_field(fields, id);
}

const char* reason_of(OverLimit over) {
    switch (over) {
        case OverLimit::none:
            return "";
        case OverLimit::header_bytes:
            return "its header or trailer section exceeds limits.responseHeaderBytes";
        case OverLimit::header_count:
            return "it has more fields than limits.responseHeaderCount";
    }
    return "";
}

}  // namespace otto::http
