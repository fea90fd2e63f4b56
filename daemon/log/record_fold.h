#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "log/messages.h"

namespace otto {

/// Keeps thousands of records of one kind from filling the log when much happens at once, such as
/// all servers becoming healthy: the first of each second are logged one by one, the rest together.
/// Control thread.
class RecordFold {
  public:
    static constexpr unsigned most = 50;  // of one kind, in a second
    static constexpr std::size_t longest_names = 2000;

    /// Whether a record of this kind about `name` is to be logged; else it is counted.
    bool admit(const MessageType& type, std::string_view name);

    struct Folded {
        const MessageType* type;
        std::uint64_t count;
        std::string names;  // the first of them, separated by commas
    };
    /// What was counted. Once a second, when the next one begins.
    std::vector<Folded> take();

  private:
    struct Kind {
        unsigned admitted = 0;
        std::uint64_t count = 0;
        std::string names;
    };
    std::map<const MessageType*, Kind> kinds_;
};

}  // namespace otto
