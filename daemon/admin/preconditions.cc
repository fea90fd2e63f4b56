#include "admin/preconditions.h"

#include <algorithm>

namespace otto::admin {

namespace {

struct Tag {
    bool weak = false;
    std::string_view opaque;  // with its quotes; "": none
};

/// The next of a list of tags, which loses it. An empty list, or none that is well-formed, has no
/// more.
Tag take_tag(std::string_view& list) {
    list.remove_prefix(std::min(list.find_first_not_of(", \t"), list.size()));
    Tag tag;
    tag.weak = list.starts_with("W/");
    if (tag.weak) list.remove_prefix(2);
    if (!list.starts_with('"')) return {};
    const auto end = list.find('"', 1);
    if (end == std::string_view::npos) return {};
    tag.opaque = list.substr(0, end + 1);
    list.remove_prefix(end + 1);
    list.remove_prefix(std::min(list.find_first_not_of(" \t"), list.size()));
    return list.empty() || list.front() == ',' ? tag : Tag{};
}

bool lists(std::string_view list, std::string_view tag, bool weak_as_well) {
    for (Tag each = take_tag(list); !each.opaque.empty(); each = take_tag(list))
        if (each.opaque == tag && (weak_as_well || !each.weak)) return true;
    return false;
}

}  // namespace

bool if_match(std::string_view field, std::string_view tag) {
    return field == "*" || lists(field, tag, false);
}

bool if_none_match(std::string_view field, std::string_view tag) {
    return field != "*" && !lists(field, tag, true);
}

}  // namespace otto::admin
