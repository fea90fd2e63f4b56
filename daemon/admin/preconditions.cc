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

template <typename Wanted>
bool lists(std::string_view list, Wanted wanted) {
    for (Tag each = take_tag(list); !each.opaque.empty(); each = take_tag(list))
        if (wanted(each)) return true;
    return false;
}

}  // namespace

bool if_match(std::string_view field, std::string_view version) {
    return field == "*" || lists(field, [version](const Tag& each) {
               return !each.weak && each.opaque.starts_with(version);
           });
}

bool if_none_match(std::string_view field, std::string_view tag) {
    return field != "*" && !lists(field, [tag](const Tag& each) { return each.opaque == tag; });
}

}  // namespace otto::admin
