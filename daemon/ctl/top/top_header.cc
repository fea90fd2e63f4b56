#include "ctl/top/top_header.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/phrases.h"
#include "ctl/console/figures.h"
#include "ctl/top/screen_line.h"

namespace otto::ctl {

namespace {

using Colour = Output::Colour;

std::string state_line(const Fleet& fleet, const View& view) {
    const Counters& now = fleet.counters();
    ScreenLine line(view.output, view.columns, view.utf8);
    line.text("Otto ", Colour::strong);
    if (!view.notice.empty()) return line.text(view.notice, Colour::bad).done();
    const auto uptime =
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(now.uptime_seconds));
    line.text(now.state.empty() ? "?" : now.state);
    line.text(fmt::format(" for {}", span_text(uptime)));
    const Colour colour = now.tone == "bad"    ? Colour::bad
                          : now.tone == "good" ? Colour::good
                                               : Colour::warning;
    return line.space(3).text(now.verdict, colour).done();
}

std::string rates_line(const Fleet& fleet, const View& view) {
    const Counters& now = fleet.counters();
    const double of_all =
        now.requests_per_second > 0 ? now.errors_per_second / now.requests_per_second * 100 : 0;
    const auto errors_text = fmt::format("errors {}/s ({:.1f} %)", rate_text(now.errors_per_second),
                                         std::min(of_all, 100.0));
    return ScreenLine(view.output, view.columns, view.utf8)
        .text(fmt::format("requests {}/s", rate_text(now.requests_per_second)))
        .space(3)
        .text(errors_text, now.errors_per_second >= 0.05 ? Colour::bad : Colour::none)
        .space(3)
        .text(fmt::format("retries {}/s", rate_text(now.retries_per_second)))
        .done();
}

std::string load_line(const Fleet& fleet, const View& view) {
    const Counters& now = fleet.counters();
    return ScreenLine(view.output, view.columns, view.utf8)
        .text(fmt::format("p50 {}  p90 {}  p99 {}", latency_text(now.p50, view.utf8),
                          latency_text(now.p90, view.utf8), latency_text(now.p99, view.utf8)))
        .space(3)
        .text(fmt::format("{} in progress", now.active))
        .space(3)
        .text(fmt::format("{} queued", now.queued), now.queued > 0 ? Colour::warning : Colour::none)
        .space(3)
        .text(counted(now.connections, "connection"))
        .done();
}

}  // namespace

std::array<std::string, 3> draw_header(const Fleet& fleet, const View& view) {
    return {state_line(fleet, view), rates_line(fleet, view), load_line(fleet, view)};
}

}  // namespace otto::ctl
