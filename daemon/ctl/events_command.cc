#include "ctl/events_command.h"

#include <array>
#include <cerrno>
#include <ctime>
#include <deque>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "config/wording.h"
#include "ctl/console/event_feed.h"
#include "ctl/console/signals.h"

namespace otto::ctl {

namespace {

using Colour = Output::Colour;

constexpr std::size_t most_values = 2'000'000;

/// "2026-11-23T08:35:08.123Z" in the local time zone; what is no such time, as it is.
std::string local_time(const std::string& text) {
    std::tm parts{};
    const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr || !text.ends_with('Z')) return printable(text);
    const std::time_t time = ::timegm(&parts);
    std::tm local{};
    std::array<char, 32> shown{};
    if (::localtime_r(&time, &local) == nullptr ||
        std::strftime(shown.data(), shown.size(), "%F %T", &local) == 0)
        return printable(text);
    return shown.data();
}

Colour colour_of(std::string_view priority) {
    if (priority == "warning") return Colour::warning;
    if (priority == "notice") return Colour::none;
    if (priority == "info" || priority == "debug") return Colour::faint;
    return Colour::bad;
}

/// Holds back what Otto has kept until all of it is there, and then lets the last lines of it
/// through.
class Printer {
  public:
    Printer(const Console& console, const EventsOptions& options)
        : console_(console), options_(options) {}

    /// Fails when stdout cannot be written.
    Status take(const Event& event) {
        // What comes after the kept ones is never a record.
        const bool record = event.type == "record";
        if (!record && !begun_)
            if (Status begun = begin(); !begun) return begun;
        const std::string line = console_.json() ? json_line(event.type, event.id, event.data)
                                 : record        ? record_line(event.data, console_.output())
                                                 : "";
        if (line.empty()) return {};
        if (begun_) return options_.once ? Status{} : write_out(line);
        kept_.push_back(line);
        if (kept_.size() > options_.lines) kept_.pop_front();
        return {};
    }
    bool begun() const { return begun_; }

  private:
    Status begin() {
        begun_ = true;
        std::string all;
        for (const std::string& line : kept_) all += line;
        kept_.clear();
        return write_out(all);
    }

    const Console& console_;
    const EventsOptions& options_;
    std::deque<std::string> kept_;
    bool begun_ = false;
};

/// The loop: what has arrived, stdout's end, signals.
class Follower {
  public:
    Follower(const Console& console, const EventsOptions& options)
        : console_(console), printer_(console, options), once_(options.once) {}

    Exit run() {
        auto opened = feed_.open();
        const auto asked = console_.judge(std::move(opened));
        if (asked.exit == Exit::interrupted) return Exit::ok;
        if (!asked.reply) return asked.exit;
        bool lost = false;
        while (!over_) {
            wait();
            if (over_) break;
            for (const Event& event : feed_.receive())
                if (const Status taken = printer_.take(event); !taken)
                    return unwritten(taken.error());
            if (once_ && printer_.begun()) return Exit::ok;
            if (once_ && !feed_.connected())
                return console_.fail(Exit::unreachable, "Otto closed the connection");
            if (feed_.connected() == lost) tell(lost = !lost);
        }
        return Exit::ok;
    }

  private:
    /// A reader that goes is as good an end as Ctrl-C.
    Exit unwritten(const Error& error) const {
        return error.number == EPIPE ? Exit::ok : console_.unwritten(error);
    }

    void tell(bool lost) const {
        console_.remark(lost ? "the connection to Otto was lost; retrying every second"
                             : "reconnected to Otto");
    }

    void wait() {
        std::array<pollfd, 3> polled{{{.fd = feed_.fd(), .events = POLLIN, .revents = 0},
                                      {.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                                      {.fd = STDOUT_FILENO, .events = 0, .revents = 0}}};
        // What came with the head of the answer is there without waiting.
        const int most = feed_.has_begun() ? 0 : feed_.time_to_retry();
        if (::poll(polled.data(), polled.size(), most) < 0 && errno != EINTR) over_ = true;
        if (polled[1].revents != 0 || (polled[2].revents & (POLLERR | POLLHUP)) != 0) over_ = true;
        if (!over_ && !feed_.connected()) feed_.retry();
    }

    const Console& console_;
    Printer printer_;
    const bool once_;
    Signals signals_{SIGINT, SIGTERM};
    EventFeed feed_{console_.client(), signals_.fd()};
    bool over_ = false;
};

}  // namespace

std::string record_line(std::string_view data, const Output& output) {
    const auto record = Json::parse(data);
    if (!record || !record->is_object()) return "";
    const auto colour = colour_of(record->text_of("priority"));
    return fmt::format("{}  {}\n", local_time(std::string(record->text_of("time"))),
                       output.paint(fmt::format("{:7}  {}", printable(record->text_of("priority")),
                                                printable(record->text_of("text"))),
                                    colour));
}

std::string json_line(std::string_view type, std::string_view id, std::string_view data) {
    auto parsed = Json::parse(data, most_values);
    if (!parsed || !parsed->is_object()) return "";
    Json line = Json::object().set("event", Json::string(type));
    if (!id.empty()) line.set("id", Json::string(id));
    for (Json& member : parsed->children) line.children.push_back(std::move(member));
    return line.compact() + "\n";
}

Exit events(const Console& console, const EventsOptions& options) {
    return Follower(console, options).run();
}

}  // namespace otto::ctl
