#include "log/record_fold.h"

#include <utility>

namespace otto {

bool RecordFold::admit(const MessageType& type, std::string_view name) {
    Kind& kind = kinds_[&type];
    if (kind.admitted < most) {
        ++kind.admitted;
        return true;
    }
    ++kind.count;
    const std::string_view comma = kind.names.empty() ? "" : ", ";
    if (kind.names.size() + comma.size() + name.size() <= longest_names)
        kind.names.append(comma).append(name);
    return false;
}

std::vector<RecordFold::Folded> RecordFold::take() {
    std::vector<Folded> folded;
    for (auto& [type, kind] : std::exchange(kinds_, {}))
        if (kind.count > 0) folded.push_back({type, kind.count, std::move(kind.names)});
    return folded;
}

}  // namespace otto
