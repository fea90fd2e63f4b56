#include "ctl/console/terminal.h"

#include <cstdlib>

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl/console/console.h"

namespace otto::ctl {

bool is_terminal(int fd) {
    const char* kind = std::getenv("TERM");
    return ::isatty(fd) == 1 && kind != nullptr && *kind != '\0' &&
           std::string_view(kind) != "dumb";
}

std::size_t terminal_columns(int fd) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

bool Terminal::available() {
    return is_terminal(STDIN_FILENO) && is_terminal(STDOUT_FILENO);
}

Terminal::Terminal() {
    ::tcgetattr(STDIN_FILENO, &before_);
    take();
}

Terminal::~Terminal() {
    give_back();
}

void Terminal::take() {
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    (void)write_out("\x1b[?1049h\x1b[?25l\x1b[2J");
}

void Terminal::give_back() const {
    (void)write_out("\x1b[0m\x1b[?25h\x1b[?1049l");
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

Terminal::Size Terminal::size() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        return {};
    return {size.ws_col, size.ws_row};
}

void Terminal::suspend() {
    give_back();
    ::raise(SIGSTOP);
    take();
}

}  // namespace otto::ctl
