#include "ctl/top/top_view.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "ctl/console/figures.h"
#include "ctl/console/text.h"
#include "ctl/top/screen_line.h"
#include "ctl/top/short_names.h"
#include "ctl/top/top_header.h"
#include "ctl/top/top_help.h"

namespace otto::ctl {

namespace {

using Colour = Output::Colour;

constexpr std::size_t widest_name = 32;
constexpr std::size_t trend_width = 12;
constexpr std::size_t bar_width = 6;
constexpr std::size_t header_lines = 4;  // and one for the headings
constexpr std::size_t gap = 2;

Colour state_colour(const FleetServer& server) {
    if (server.state != "active" || server.ejected) return Colour::warning;
    if (server.health == "healthy") return Colour::good;
    return server.health == "unhealthy" ? Colour::bad : Colour::faint;
}

std::string state_text(const FleetServer& server) {
    std::string text = state_word(server);
    const std::string why = why_now(server);
    // "drain" is what is wanted, "draining" and "drained" are how far it is.
    if (why.starts_with(text)) {
        text = why;
    } else if (!why.empty()) {
        text += ": " + why;
    }
    const bool told = server.why.find("backup") != std::string::npos;
    return server.backup && !told ? "backup, " + text : text;
}

std::string percent(double share) {
    return fmt::format("{:.{}f}%", share * 100, share > 0 && share < 0.0995 ? 1 : 0);
}

std::string share_text(const FleetServer& server, double greatest, bool utf8) {
    const double part = greatest > 0 ? server.share / greatest : 0;
    return fmt::format("{} {:>4}", bar(part, bar_width, utf8), percent(server.share));
}

/// What a row shows, beside name and state, from left to right. Those of a low rank are shown on
/// narrow screens, too; `state` is what must then be left for the state.
struct Column {
    std::string_view title;
    std::size_t width;
    int rank;
    std::size_t state;
    Sort sort;
};
enum : std::size_t { share, requests, errors, retries, active, p50, p99, trend, column_count };
constexpr Column table[column_count] = {{"SHARE", bar_width + 5, 6, 24, Sort::order},
                                        {"REQ/S", 6, 0, 10, Sort::requests},
                                        {"ERR/S", 6, 1, 10, Sort::errors},
                                        {"RETRY/S", 7, 8, 28, Sort::retries},
                                        {"ACTIVE", 6, 2, 10, Sort::active},
                                        {"P50", 7, 7, 28, Sort::p50},
                                        {"P99", 7, 3, 10, Sort::p99},
                                        {"TREND", trend_width, 5, 24, Sort::order}};

/// Which columns there is room for, and what is left for name and state.
struct Layout {
    bool shown[column_count] = {};
    std::size_t name = 0;
    std::size_t hidden = 0;  // bytes at the start of all names
    std::size_t state = 0;
    double greatest_share = 0;
};

std::vector<std::string_view> names_of(const Fleet& fleet) {
    std::vector<std::string_view> names;
    for (const FleetServer& server : fleet.servers()) names.emplace_back(server.name);
    return names;
}

std::size_t longest_name(const Fleet& fleet, std::size_t hidden, const View& view) {
    std::size_t longest = 8;
    for (const std::string_view name : names_of(fleet))
        longest = std::max(longest, columns_of(harmless(name.substr(hidden), view.utf8)));
    return longest;
}

Layout lay_out(const Fleet& fleet, const View& view) {
    Layout layout;
    for (const FleetServer& server : fleet.servers())
        layout.greatest_share = std::max(layout.greatest_share, server.share);
    const std::size_t most = std::min(widest_name, std::max<std::size_t>(12, view.columns / 4));
    if (longest_name(fleet, 0, view) > most) layout.hidden = common_start(names_of(fleet));
    layout.name = std::min(longest_name(fleet, layout.hidden, view), most);
    std::size_t left = view.columns > layout.name ? view.columns - layout.name : 0;
    for (int rank = 0; rank <= 8; ++rank)
        for (std::size_t at = 0; at < column_count; ++at)
            if (table[at].rank == rank && left >= table[at].width + 2 * gap + table[at].state) {
                layout.shown[at] = true;
                left -= table[at].width + gap;
            }
    layout.state = left > gap ? left - gap : 0;
    return layout;
}

std::string headings(const View& view, const Layout& layout) {
    ScreenLine line(view.output, view.columns, view.utf8);
    const auto heading = [&](std::string_view title, std::size_t width, Align align, bool sorted) {
        const auto colour = sorted ? Colour::inverse : Colour::strong;
        line.cell(title, width, align, colour).space();
    };
    heading("NAME", layout.name, Align::left, view.sort == Sort::name);
    for (std::size_t at = 0; at < column_count; ++at)
        if (layout.shown[at])
            heading(table[at].title, table[at].width,
                    at == share || at == trend ? Align::left : Align::right,
                    view.sort != Sort::order && view.sort == table[at].sort);
    heading("STATE", layout.state, Align::left, view.sort == Sort::state);
    return line.done();
}

std::string figure(const FleetServer& server, std::size_t column, const View& view,
                   const Layout& layout) {
    switch (column) {
        case share:
            return share_text(server, layout.greatest_share, view.utf8);
        case requests:
            return rate_text(server.requests_per_second);
        case errors:
            return rate_text(server.errors_per_second);
        case retries:
            return rate_text(server.retries_per_second);
        case active:
            return std::to_string(server.active);
        case p50:
            return latency_text(server.p50, view.utf8);
        case p99:
            return latency_text(server.p99, view.utf8);
        case trend:
            return sparkline(server.history, trend_width, view.utf8);
    }
    return "";
}

std::string row(const FleetServer& server, const View& view, const Layout& layout) {
    ScreenLine line(view.output, view.columns, view.utf8);
    const auto name = std::string_view(server.name).substr(layout.hidden);
    line.cell(fitted_name(name, layout.name, view.utf8), layout.name).space();
    for (std::size_t at = 0; at < column_count; ++at) {
        if (!layout.shown[at]) continue;
        const bool bad = at == errors && server.errors_per_second >= 0.05;
        const bool left = at == share || at == trend;
        line.cell(figure(server, at, view, layout), table[at].width,
                  left ? Align::left : Align::right, bad ? Colour::bad : Colour::none);
        line.space();
    }
    line.cell(state_text(server), layout.state, Align::left, state_colour(server));
    return line.done();
}

std::string keys_line(const Fleet& fleet, const View& view) {
    const std::size_t total = fleet.servers().size();
    ScreenLine line(view.output, view.columns, view.utf8);
    if (total > rows_of(view))
        line.text(fmt::format("{}-{} of {}   ", view.first + 1,
                              std::min(total, view.first + rows_of(view)), total));
    constexpr std::string_view all =
        "q quit   ? help   sort by: n name, s state, r requests, e errors, t retries, a active, "
        "5 p50, 9 p99, o none";
    constexpr std::string_view brief = "q quit   ? help   sort by: n s r e t a 5 9 o";
    return line.text(line.left() >= all.size() ? all : brief, Colour::faint).done();
}

}  // namespace

std::size_t rows_of(const View& view) {
    constexpr std::size_t others = header_lines + 2;
    return view.lines > others ? view.lines - others : 1;
}

std::vector<std::string> draw(const Fleet& fleet, const View& view) {
    const Layout layout = lay_out(fleet, view);
    const auto header = draw_header(fleet, view);
    std::vector<std::string> lines(header.begin(), header.end());
    lines.emplace_back();
    if (view.help) {
        std::ranges::move(draw_help(view), std::back_inserter(lines));
        lines.resize(std::min(lines.size(), view.lines));
        return lines;
    }
    lines.push_back(headings(view, layout));
    const auto servers = fleet.sorted(view.sort);
    const std::size_t last = std::min(servers.size(), view.first + rows_of(view));
    for (std::size_t at = view.first; at < last; ++at)
        lines.push_back(row(*servers[at], view, layout));
    if (view.lines > header_lines + 2) {
        lines.resize(view.lines - 1);
        lines.push_back(keys_line(fleet, view));
    }
    lines.resize(std::min(lines.size(), view.lines));
    return lines;
}

std::string print_once(const Fleet& fleet, const View& view) {
    View wide = view;
    wide.columns = 1000;
    std::string out;
    for (const std::string& line : draw_header(fleet, wide)) out += line + "\n";
    out += "\n";
    std::vector<Output::Row> rows{{{"NAME"},
                                   {"SHARE"},
                                   {"REQ/S"},
                                   {"ERR/S"},
                                   {"RETRY/S"},
                                   {"ACTIVE"},
                                   {"P50"},
                                   {"P99"},
                                   {"STATE"}}};
    for (const FleetServer* server : fleet.sorted(view.sort)) {
        const auto clean = [&view](std::string_view text) { return harmless(text, view.utf8); };
        rows.push_back({{clean(server->name)},
                        {percent(server->share)},
                        {rate_text(server->requests_per_second)},
                        {rate_text(server->errors_per_second)},
                        {rate_text(server->retries_per_second)},
                        {std::to_string(server->active)},
                        {latency_text(server->p50, view.utf8)},
                        {latency_text(server->p99, view.utf8)},
                        {clean(state_text(*server)), state_colour(*server)}});
    }
    return out + view.output.table(rows);
}

}  // namespace otto::ctl
