#include "ctl/socket_port.h"

#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/port.h"
#include "ctl/apply.h"
#include "ctl/console/systemctl.h"

namespace otto::ctl {

namespace {

constexpr std::string_view title = "# Written by \"ottoctl apply\".\n";
constexpr std::string_view section = "[Socket]\nListenStream=\n";
constexpr std::string_view assignment = "ListenStream=";
/// The name sorts before the override.conf of `systemctl edit`, which thus has the last word.
constexpr const char* own_name = "10-ottoctl.conf";
constexpr const char* earlier_name = "port.conf";  // of Otto 0.1.0

std::optional<std::string> read_file(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return std::nullopt;
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

std::string drop_in(const std::vector<ListenConfig>& port) {
    std::string text = fmt::format("{}{}", title, section);
    for (const ListenConfig& entry : port)
        text += fmt::format("{}{}\n", assignment, listen_stream(entry));
    return text;
}

/// Puts a file back as it was.
Status restore(const std::string& file, const std::optional<std::string>& text) {
    if (text) return write_file(file, *text);
    return ::unlink(file.c_str()) == 0 || errno == ENOENT
               ? Status()
               : Error::from_errno("cannot remove " + file);
}

/// Whether systemd has read that the unit listens on `port`.
bool listens_on(const std::string& unit, const std::vector<ListenConfig>& port) {
    std::vector<Address> addresses;
    for (const std::string& line : lines_of(unit_property(unit, "Listen")))
        if (const auto address = parse_listen_stream(line.substr(0, line.find(' '))))
            addresses.push_back(*address);
    return same_port(port, addresses);
}

/// The last drop-in but Otto's own that says where the unit listens, or "".
std::string last_word(const std::string& unit, const std::string& own) {
    std::istringstream files(unit_property(unit, "DropInPaths"));
    std::string last;
    for (std::string file; files >> file;)
        if (file != own && read_file(file).value_or("").find(assignment) != std::string::npos)
            last = file;
    return last;
}

Error overruled(const std::string& unit, const std::string& by) {
    const std::string listen = unit_property(unit, "Listen");
    return Error{
        fmt::format("{} listens on {}, as set in {}; change ListenStream= there, or apply again "
                    "with --port socket to change the file instead",
                    unit, listen.substr(0, listen.find(' ')), by.empty() ? "the unit" : by)};
}

}  // namespace

bool is_own_drop_in(const std::string& text) {
    std::string_view rest = text;
    if (rest.starts_with(title)) rest.remove_prefix(title.size());
    if (!rest.starts_with(section)) return false;
    rest.remove_prefix(section.size());
    if (rest.empty()) return false;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        if (!rest.starts_with(assignment) || end == std::string_view::npos) return false;
        const std::string_view value = rest.substr(assignment.size(), end - assignment.size());
        if (value.empty() || value.find_first_not_of("0123456789abcdef.:[]") != value.npos)
            return false;
        rest.remove_prefix(end + 1);
    }
    return true;
}

Status open_port(const std::string& unit, const std::vector<ListenConfig>& port) {
    const std::string folder = fmt::format("/etc/systemd/system/{}.d", unit);
    const std::string own = fmt::format("{}/{}", folder, own_name);
    const std::string earlier = fmt::format("{}/{}", folder, earlier_name);
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
        return Error::from_errno("cannot create " + folder);
    const auto before = read_file(own);
    const auto outdated = read_file(earlier);
    const bool remove = outdated && is_own_drop_in(*outdated);
    Status done = write_file(own, drop_in(port));
    if (done && remove) done = restore(earlier, std::nullopt);
    if (done) done = systemctl({"daemon-reload"});
    if (!done) return done;
    if (listens_on(unit, port)) return systemctl({"restart", unit});
    const Error error = overruled(unit, last_word(unit, own));
    done = restore(own, before);
    if (done && remove) done = restore(earlier, outdated);
    if (done) done = systemctl({"daemon-reload"});
    return done ? error : done;
}

}  // namespace otto::ctl
