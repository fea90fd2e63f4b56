#include "ctl/top/top_help.h"

#include "ctl/top/screen_line.h"
#include "ctl/top/top_view.h"

namespace otto::ctl {

namespace {

struct Entry {
    std::string_view what;
    std::string_view meaning;
};
constexpr Entry entries[] = {
    {"q, Ctrl-C", "quit"},
    {"?", "show this help; any key closes it"},
    {"arrows, Page Up/Down", "scroll; also Home and End"},
    {"n s r e t a", "sort by name, state, requests, errors, retries, active"},
    {"5 9 o", "sort by P50, by P99, or as in the configuration"},
    {"", ""},
    {"SHARE", "share of the requests that the server is meant to receive"},
    {"REQ/S ERR/S RETRY/S", "over the last 10 seconds"},
    {"ACTIVE", "requests in progress"},
    {"P50 P99", "median and 99th percentile of the latency"},
    {"TREND", "requests per second, latest at the right"},
    {"STATE", "and the reason for it"},
};
constexpr std::size_t widest = 20;

}  // namespace

std::vector<std::string> draw_help(const View& view) {
    std::vector<std::string> lines;
    for (const Entry& entry : entries) {
        ScreenLine line(view.output, view.columns, view.utf8);
        line.cell(entry.what, widest, Align::left, Output::Colour::strong).space();
        lines.push_back(line.text(entry.meaning).done());
    }
    return lines;
}

}  // namespace otto::ctl
