#include "ctl/console/progress.h"

#include <cstdio>

#include <unistd.h>

#include "ctl/console/figures.h"
#include "ctl/console/terminal.h"
#include "ctl/console/text.h"

namespace otto::ctl {

Progress::Progress() : began_(now()) {
    if (is_terminal(STDERR_FILENO)) signals_.emplace({SIGINT, SIGTERM});
}

Progress::~Progress() {
    clear();
}

void Progress::show(const std::string& text) {
    if (!shown()) return;
    const bool utf8 = locale_is_utf8();
    const std::string age = ", " + span_text(now() - began_);
    // In the last column, the cursor would be on the next line with some terminals.
    const std::size_t columns = terminal_columns(STDERR_FILENO) - 1;
    std::string line = harmless(text, utf8);
    if (columns_of(line) + age.size() > columns && columns > age.size())
        line = fitted(line, columns - age.size(), Align::left, utf8);
    if (columns > age.size()) line += age;
    std::fputs(("\r" + line + "\x1b[K").c_str(), stderr);
    drawn_ = true;
}

void Progress::clear() {
    if (drawn_) std::fputs("\r\x1b[K", stderr);
    drawn_ = false;
}

}  // namespace otto::ctl
