#pragma once

#include <string_view>

#include <termios.h>

namespace otto::ctl {

/// The whole screen, for as long as it lives: on the terminal's other page, without a cursor, and
/// keys come at once and unseen. Whatever ends it, the terminal is as before.
class Terminal {
  public:
    struct Size {
        std::size_t columns = 80;
        std::size_t lines = 24;
    };

    /// Whether there is one that can do that, on stdin and stdout.
    static bool available();

    Terminal();
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    static Size size();
    /// Gives the terminal back and stops this process, as Ctrl-Z wants; takes it again once the
    /// process goes on.
    void suspend();

  private:
    void take();
    void give_back() const;

    termios before_{};
};

/// Whether a descriptor is a terminal that understands more than lines of text.
bool is_terminal(int fd);
/// The columns of the terminal that it is; 80 when it does not tell.
std::size_t terminal_columns(int fd);

}  // namespace otto::ctl
