#include "http/connection_options.h"

#include <algorithm>

#include "http/characters.h"

namespace otto::http {

void ConnectionOptions::add(std::string_view value) {
    for_each_element(value, [this](std::string_view option) {
        if (equal_ignoring_case(option, "close")) {
            close = true;
        } else if (equal_ignoring_case(option, "keep-alive")) {
            keep_alive = true;
        } else if (equal_ignoring_case(option, "upgrade")) {
            upgrade = true;
        } else {
            nominates = true;
        }
        return ++count <= max_connection_options;
    });
}

NominatedFields::NominatedFields(const std::vector<Field>& fields) {
    for (const Field& field : fields) {
        if (field.id != FieldId::connection) continue;
        for_each_element(field.value, [this](std::string_view option) {
            add(option);
            return count_ < names_.size();
        });
    }
}

/// By length, then by letters: what is looked for is compared with five others at most.
bool NominatedFields::before(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return left.size() < right.size();
    return std::lexicographical_compare(
        left.begin(), left.end(), right.begin(), right.end(),
        [](char l, char r) { return look_up(lower_table, l) < look_up(lower_table, r); });
}

void NominatedFields::add(std::string_view name) {
    if (count_ == names_.size() || has(name)) return;
    auto* const end = names_.begin() + count_;
    auto* const place = std::upper_bound(names_.begin(), end, name, before);
    std::move_backward(place, end, end + 1);
    *place = name;
    ++count_;
}

bool NominatedFields::has(std::string_view name) const {
    const auto* const end = names_.begin() + count_;
    const auto* const found = std::lower_bound(names_.begin(), end, name, before);
    return found != end && equal_ignoring_case(*found, name);
}

}  // namespace otto::http
