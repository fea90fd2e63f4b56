#include "ctl/top/top_command.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include <poll.h>
#include <unistd.h>

#include "ctl/console/event_feed.h"
#include "ctl/console/signals.h"
#include "ctl/console/terminal.h"
#include "ctl/console/text.h"
#include "ctl/top/keys.h"
#include "ctl/top/top_view.h"

namespace otto::ctl {

namespace {

/// A second goes by between two "counters".
constexpr Duration stale_after = std::chrono::seconds(4);
constexpr Duration patience_for_servers = std::chrono::seconds(10);

constexpr std::pair<char, Sort> sort_keys[] = {
    {'n', Sort::name},   {'s', Sort::state},   {'r', Sort::requests},
    {'e', Sort::errors}, {'t', Sort::retries}, {'a', Sort::active},
    {'5', Sort::p50},    {'9', Sort::p99},     {'o', Sort::order}};

/// The servers as they are, for events to change.
Result<Reply> get_servers(const Console& console, int stop) {
    return console.client().call({.method = "GET", .target = "/api/v1/servers"},
                                 {.most = patience_for_servers, .stop = stop});
}

/// The live screen.
class Top {
  public:
    Top(const Console& console, const TopOptions& options) : console_(console) {
        view_.utf8 = locale_is_utf8();
        view_.output = console.output();
        view_.sort = options.sort;
    }

    Exit run() {
        const auto opened = console_.judge(feed_.open());
        if (!opened.reply) return ended_by(opened.exit);
        const auto list = console_.judge(get_servers(console_, ends_.fd()));
        if (!list.reply) return ended_by(list.exit);
        take(*list.reply);
        terminal_.emplace();
        heard_ = now();
        while (!over_) {
            draw_screen();
            wait();
        }
        return Exit::ok;
    }

  private:
    static Exit ended_by(Exit exit) { return exit == Exit::interrupted ? Exit::ok : exit; }

    void take(const Reply& reply) {
        if (const Json* servers = reply.body.find("servers")) fleet_.set_servers(*servers);
        listed_ = true;
    }

    void draw_screen() {
        const Terminal::Size size = Terminal::size();
        // In the last column, the cursor would be on the next line with some terminals.
        view_.columns = size.columns - 1;
        view_.lines = size.lines;
        scroll_to(view_.first);
        view_.notice = "";
        if (!feed_.connected()) {
            view_.notice = "cannot be reached; retrying every second";
        } else if (now() - heard_ > stale_after) {
            view_.notice = "no longer responds";
        }
        // All of it in one piece, and nothing erased before: the screen does not flicker.
        std::string frame = "\x1b[H";
        for (const std::string& line : draw(fleet_, view_))
            frame += (frame.size() > 3 ? "\x1b[K\r\n" : "") + line;
        // A terminal fails by going away alone, and that is no failure of this.
        if (!write_out(frame + "\x1b[K\x1b[J")) over_ = true;
    }

    void wait() {
        std::array<pollfd, 4> polled{{{.fd = feed_.fd(), .events = POLLIN, .revents = 0},
                                      {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                                      {.fd = ends_.fd(), .events = POLLIN, .revents = 0},
                                      {.fd = changes_.fd(), .events = POLLIN, .revents = 0}}};
        const int most = feed_.has_begun() ? 0 : feed_.connected() ? 5000 : feed_.time_to_retry();
        if (::poll(polled.data(), polled.size(), most) < 0 && errno != EINTR) over_ = true;
        if (polled[1].revents != 0) take_keys();
        if (polled[2].revents != 0) over_ = true;
        while (const int number = changes_.next())
            if (number == SIGTSTP) terminal_->suspend();
        if (!over_) listen();
    }

    void listen() {
        if (!feed_.connected()) {
            listed_ = false;
            if (!feed_.retry()) return;
            heard_ = now();
        }
        // Events after another connection change the servers as they are at its beginning.
        if (!listed_)
            if (const auto list = get_servers(console_, ends_.fd()); list && list->ok())
                take(*list);
        for (const Event& event : feed_.receive())
            if (fleet_.apply(event)) heard_ = now();
    }

    void take_keys() {
        std::array<char, 256> bytes;
        const ssize_t length = ::read(STDIN_FILENO, bytes.data(), bytes.size());
        if (length <= 0) {
            over_ = true;
            return;
        }
        for (const KeyPress& key : keys_.feed({bytes.data(), static_cast<std::size_t>(length)}))
            take_key(key);
    }

    void take_key(const KeyPress& press) {
        const std::size_t page = rows_of(view_);
        switch (press.key) {
            case Key::up:
                return scroll_to(view_.first < 1 ? 0 : view_.first - 1);
            case Key::down:
                return scroll_to(view_.first + 1);
            case Key::page_up:
                return scroll_to(view_.first < page ? 0 : view_.first - page);
            case Key::page_down:
                return scroll_to(view_.first + page);
            case Key::home:
                return scroll_to(0);
            case Key::end:
                return scroll_to(fleet_.servers().size());
            case Key::character:
                break;
        }
        if (press.character == 'q' || press.character == 'Q') over_ = true;
        // Any key leaves the help.
        if (std::exchange(view_.help, !view_.help && press.character == '?')) return;
        for (const auto& [character, sort] : sort_keys)
            if (character == press.character) view_.sort = sort;
    }

    /// As far as there are servers to fill the screen with.
    void scroll_to(std::size_t first) {
        const std::size_t rows = rows_of(view_);
        const std::size_t total = fleet_.servers().size();
        view_.first = std::min(first, total > rows ? total - rows : 0);
    }

    const Console& console_;
    Signals ends_{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    Signals changes_{SIGTSTP, SIGWINCH};
    EventFeed feed_{console_.client(), ends_.fd()};
    Fleet fleet_;
    View view_;
    KeyReader keys_;
    std::optional<Terminal> terminal_;
    TimePoint heard_{};
    bool listed_ = false;  // the servers, since this connection began
    bool over_ = false;
};

/// The last counters as Otto told them, with all servers in the place of those that changed.
Json whole(const Event& counters, const Reply& servers) {
    auto json = Json::parse(counters.data, 2'000'000);
    Json all = json && json->is_object() ? *std::move(json) : Json::object();
    const Json* list = servers.body.find("servers");
    return all.set("servers", list == nullptr ? Json::list() : *list);
}

Exit once(const Console& console, const TopOptions& options) {
    EventFeed feed(console.client(), -1);
    const auto opened = console.judge(feed.open());
    if (!opened.reply) return opened.exit;
    const auto list = console.judge(get_servers(console, -1));
    if (!list.reply) return list.exit;
    Fleet fleet;
    if (const Json* servers = list.reply->body.find("servers")) fleet.set_servers(*servers);
    Wait wait({.most = patience_for_servers});
    for (;;) {
        for (const Event& event : feed.receive()) {
            if (!fleet.apply(event) || event.type != "counters") continue;
            const View view{
                .utf8 = locale_is_utf8(), .output = console.output(), .sort = options.sort};
            return console.say(whole(event, *list.reply), print_once(fleet, view));
        }
        if (!feed.connected()) return console.fail(Exit::unreachable, "Otto closed the connection");
        if (const Status ready = wait.until(feed.fd(), POLLIN); !ready)
            return console.fail(Exit::unreachable, ready.error().message);
    }
}

}  // namespace

Exit top(const Console& console, const TopOptions& options) {
    if (options.once || console.json() || !Terminal::available()) return once(console, options);
    return Top(console, options).run();
}

}  // namespace otto::ctl
