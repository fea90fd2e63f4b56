#include "http/cookie.h"

#include <algorithm>

#include "http/characters.h"

namespace otto::http {

Cookies::Cookies(const RequestHead& request, std::string_view name)
    : request_(request), name_(name) {}

std::optional<std::string_view> Cookies::next() {
    for (;;) {
        while (rest_.empty()) {
            if (field_ == request_.fields.size()) return std::nullopt;
            const Field& field = request_.fields[field_++];
            if (equal_ignoring_case(field.name, "cookie")) rest_ = field.value;
        }
        const std::size_t end = std::min(rest_.find(';'), rest_.size());
        const std::string_view pair = trim(rest_.substr(0, end));
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        if (pair.size() > name_.size() && pair.starts_with(name_) && pair[name_.size()] == '=')
            return pair.substr(name_.size() + 1);
    }
}

}  // namespace otto::http
