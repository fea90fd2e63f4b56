#include "sd/record_fold.h"

#include <utility>

namespace otto {

bool RecordFold::admit(const MessageType& type, std::string_view name) {
    Kind& kind = kinds_[&type];
    if (kind.admitted < most) {
        ++kind.admitted;
        return true;
    }
    if (++kind.count > 1 && kind.names.size() + name.size() <= longest_names) kind.names += ", ";
    if (kind.names.size() + name.size() <= longest_names) kind.names += name;
    return false;
}

std::vector<RecordFold::Folded> RecordFold::take() {
    std::vector<Folded> folded;
    for (auto& [type, kind] : std::exchange(kinds_, {}))
        if (kind.count > 0) folded.push_back({type, kind.count, std::move(kind.names)});
    return folded;
}

}  // namespace otto
