#include "ctl/console/output.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <unistd.h>

#include "config/overlay.h"
#include "config/wording.h"
#include "ctl/console/text.h"

namespace otto::ctl {

namespace {

const char* code(Output::Colour colour) {
    switch (colour) {
        case Output::Colour::none:
            return "";
        case Output::Colour::good:
            return "\x1b[32m";
        case Output::Colour::warning:
            return "\x1b[33m";
        case Output::Colour::bad:
            return "\x1b[31m";
        case Output::Colour::faint:
            return "\x1b[2m";
        case Output::Colour::strong:
            return "\x1b[1m";
        case Output::Colour::inverse:
            return "\x1b[7m";
    }
    return "";
}

bool wants_colour() {
    const char* terminal = std::getenv("TERM");
    const char* no_colour = std::getenv("NO_COLOR");
    return ::isatty(STDOUT_FILENO) == 1 && terminal != nullptr &&
           std::string_view(terminal) != "dumb" && (no_colour == nullptr || *no_colour == '\0');
}

/// The plain change of one member: its path, the value before and after.
void describe(std::string& out, const std::string& path, const Json* before, const Json& change,
              const Output& output) {
    if (change.is_object() && before != nullptr && before->is_object()) {
        for (const Json& member : change.children)
            describe(out, path + (path.ends_with(' ') ? "" : ".") + member.key,
                     before->find(member.key), member, output);
        return;
    }
    const std::string old = before == nullptr ? "" : before->compact();
    std::string line;
    auto colour = Output::Colour::warning;
    if (change.is_null()) {
        line = fmt::format("- {} {}", path, old);
        colour = Output::Colour::bad;
    } else if (before == nullptr) {
        line = fmt::format("+ {} {}", path, change.compact());
        colour = Output::Colour::good;
    } else {
        line = fmt::format("~ {} {} → {}", path, old, change.compact());
    }
    out += output.paint(printable(line), colour) + "\n";
}

/// A server of the file by its name, as an object.
Json find_server(const Json& file, const std::string& name) {
    const Json* servers = file.find("servers");
    if (servers == nullptr) return {};
    const auto found = std::ranges::find_if(
        servers->children, [&name](const Json& each) { return server_name(each) == name; });
    if (found == servers->children.end()) return {};
    return found->is_string() ? Json::object().set("url", Json::string(found->text)) : *found;
}

}  // namespace

Output::Output() : colour_(wants_colour()) {}

std::string Output::paint(std::string_view text, Colour colour) const {
    if (!colour_ || colour == Colour::none) return std::string(text);
    return fmt::format("{}{}\x1b[0m", code(colour), text);
}

std::string Output::table(const std::vector<Row>& rows) const {
    std::vector<std::size_t> widths;
    for (const Row& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t at = 0; at < row.size(); ++at)
            widths[at] = std::max(widths[at], columns_of(row[at].text));
    }
    std::string out;
    for (const Row& row : rows) {
        for (std::size_t at = 0; at < row.size(); ++at) {
            out += paint(row[at].text, row[at].colour);
            if (at + 1 < row.size())
                out += std::string(widths[at] - columns_of(row[at].text) + 2, ' ');
        }
        out += "\n";
    }
    return out;
}

std::string describe_changes(const Json& before, const Json& changes, const Output& output) {
    std::string out;
    for (const Json& change : changes.children) {
        if (change.key != "servers" || !change.is_object()) {
            describe(out, change.key, before.find(change.key), change, output);
            continue;
        }
        for (const Json& server : change.children) {
            const Json old = find_server(before, server.key);
            describe(out, "server " + server.key + (old.is_null() || server.is_null() ? "" : ": "),
                     old.is_null() ? nullptr : &old, server, output);
        }
    }
    return out;
}

}  // namespace otto::ctl
