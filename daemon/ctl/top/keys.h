#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace otto::ctl {

enum class Key { up, down, page_up, page_down, home, end, character };

struct KeyPress {
    Key key = Key::character;
    char character = '\0';
};

/// Takes what a terminal sends apart into keys (ECMA-48, as xterm and its like send them). What it
/// does not know, it leaves out.
class KeyReader {
  public:
    std::vector<KeyPress> feed(std::string_view bytes);

  private:
    std::string rest_;  // of a sequence that is not complete
};

}  // namespace otto::ctl
