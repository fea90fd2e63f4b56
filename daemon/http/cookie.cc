#include "http/cookie.h"

#include <algorithm>
#include <cstring>

#include "http/characters.h"

namespace otto::http {

Cookies::Cookies(const RequestHead& request, std::string_view name)
    : request_(request), name_(name) {}

std::optional<std::string_view> Cookies::next() {
    for (;;) {
        while (rest_.empty()) {
            if (field_ == request_.fields.size()) return std::nullopt;
            const Field& field = request_.fields[field_++];
            if (equal_ignoring_case(field.name, "cookie")) rest_ = value_ = field.value;
        }
        // The name is searched for, rather than each pair looked at: a field may be nothing but
        // semicolons.
        const void* const found = ::memmem(rest_.data(), rest_.size(), name_.data(), name_.size());
        if (found == nullptr) {
            rest_ = {};
            continue;
        }
        const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - value_.data());
        rest_ = value_.substr(at + name_.size());
        std::size_t before = at;
        while (before > 0 && is_blank(value_[before - 1])) --before;
        const bool begins = before == 0 || value_[before - 1] == ';';
        if (!begins || !rest_.starts_with('=')) continue;
        const std::size_t end = std::min(rest_.find(';'), rest_.size());
        std::string_view value = rest_.substr(1, end - 1);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
        return value;
    }
}

}  // namespace otto::http
