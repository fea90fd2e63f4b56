// A small HTTP server for Otto to balance over: in the demo, the tests and the benchmarks.
//
//   demo_server --port N | --unix PATH [--address 127.0.0.1] [--name NAME] [--ready-fd N]
//
// It says "ready PORT" (or "ready PATH") on stdout, or on the given descriptor, once it listens;
// port 0 lets the kernel choose. SIGTERM and SIGINT end it. One thread, one loop.
//
//   /               names the server; every reply carries it in X-Server, too
//   /bytes/N        N bytes with a Content-Length       /chunked/N   the same bytes, chunked
//   /delay/MS       answers after that many milliseconds
//   /work/MS[/…]    likewise, but works on one such request at a time
//   /echo           the request as JSON, its body as length and CRC-32
//   /status/CODE    that status                         /close       ends the connection after it
//   /health         200, or 503 after /health/fail and until /health/ok; so are Otto's own checks
//   /count          how many requests were served, without /health*, /count and Otto's checks
//
// Byte i of a generated body is '!' + ((j ^ j >> 8) mod 94), where j is i mod 65521.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fmt/format.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using std::string_view;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

template <auto Free>
struct Deleter {
    template <typename T>
    void operator()(T* handle) const {
        Free(handle);
    }
};

using Base = std::unique_ptr<event_base, Deleter<event_base_free>>;
using Buffer = std::unique_ptr<evbuffer, Deleter<evbuffer_free>>;
using Event = std::unique_ptr<event, Deleter<event_free>>;
using Http = std::unique_ptr<evhttp, Deleter<evhttp_free>>;

struct Options {
    std::string address = "127.0.0.1";
    std::string port;
    std::string path;  // of a UNIX socket, instead of the port
    std::string name = "demo";
    int ready_fd = STDOUT_FILENO;
};

[[noreturn]] void fail(const std::string& message) {
    fmt::print(stderr, "demo_server: {}\n", message);
    std::exit(1);
}

std::optional<std::uint64_t> parse_number(string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// What follows `prefix` in `path`, as a number.
std::optional<std::uint64_t> number_after(string_view path, string_view prefix) {
    if (!path.starts_with(prefix)) return std::nullopt;
    return parse_number(path.substr(prefix.size()));
}

constexpr std::size_t period = 65521;  // prime, so that a piece put in the wrong place shows

const std::array<char, period>& pattern() {
    static const auto bytes = [] {
        std::array<char, period> made{};
        for (std::size_t i = 0; i < period; ++i) {
            made[i] = static_cast<char>('!' + (i ^ (i >> 8)) % 94);
        }
        return made;
    }();
    return bytes;
}

/// CRC-32 of IEEE 802.3, as zlib's crc32() gives it.
std::uint32_t crc32(evbuffer* body) {
    static const auto table = [] {
        std::array<std::uint32_t, 256> made{};
        for (std::uint32_t i = 0; i < made.size(); ++i) {
            std::uint32_t value = i;
            for (int bit = 0; bit < 8; ++bit) {
                value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320U : 0);
            }
            made[i] = value;
        }
        return made;
    }();
    std::uint32_t crc = 0xffffffffU;
    const int count = evbuffer_peek(body, -1, nullptr, nullptr, 0);
    std::vector<evbuffer_iovec> pieces(static_cast<std::size_t>(std::max(count, 0)));
    evbuffer_peek(body, -1, nullptr, pieces.data(), count);
    for (const evbuffer_iovec& piece : pieces) {
        for (const char c : string_view(static_cast<char*>(piece.iov_base), piece.iov_len)) {
            crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xff];
        }
    }
    return ~crc;
}

std::string json_text(string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte >= 0x7f) {
            out += fmt::format("\\u{:04x}", byte);  // bytes as Latin-1
        } else {
            out += c;
        }
    }
    return out + '"';
}

string_view method_text(evhttp_request* request) {
    const auto method = static_cast<unsigned>(evhttp_request_get_command(request));
    switch (method) {
        case EVHTTP_REQ_GET:
            return "GET";
        case EVHTTP_REQ_HEAD:
            return "HEAD";
        case EVHTTP_REQ_POST:
            return "POST";
        case EVHTTP_REQ_PUT:
            return "PUT";
        case EVHTTP_REQ_DELETE:
            return "DELETE";
        case EVHTTP_REQ_PATCH:
            return "PATCH";
        case EVHTTP_REQ_OPTIONS:
            return "OPTIONS";
    }
    return "?";
}

std::string describe(evhttp_request* request, string_view server) {
    std::string headers;
    for (const evkeyval* field = evhttp_request_get_input_headers(request)->tqh_first;
         field != nullptr; field = field->next.tqe_next) {
        headers += fmt::format("{}[{}, {}]", headers.empty() ? "" : ", ", json_text(field->key),
                               json_text(field->value));
    }
    evbuffer* body = evhttp_request_get_input_buffer(request);
    return fmt::format(
        "{{\"server\": {}, \"method\": \"{}\", \"target\": {}, \"headers\": [{}], "
        "\"body_length\": {}, \"body_crc32\": \"{:08x}\"}}\n",
        json_text(server), method_text(request), json_text(evhttp_request_get_uri(request)),
        headers, evbuffer_get_length(body), crc32(body));
}

class DemoServer {
  public:
    DemoServer(event_base* base, std::string name, int listener)
        : base_(base), name_(std::move(name)), http_(evhttp_new(base)) {
        evhttp_set_allowed_methods(http_.get(), EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                                                    EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                                                    EVHTTP_REQ_PATCH | EVHTTP_REQ_OPTIONS);
        evhttp_set_gencb(http_.get(), handle, this);
        // The listener's descriptor is evhttp's from here on.
        if (evhttp_accept_socket(http_.get(), listener) != 0) fail("cannot accept on the socket");
    }

  private:
    /// A reply that takes more than one turn of the loop. Lives in pending_ until it is done or its
    /// client is gone.
    struct Pending {
        DemoServer* server;
        evhttp_request* request;
        std::uint64_t sent = 0;
        std::uint64_t size = 0;
        Event timer;
    };

    static void handle(evhttp_request* request, void* self) {
        static_cast<DemoServer*>(self)->answer(request);
    }

    void answer(evhttp_request* request) {
        const evhttp_uri* uri = evhttp_request_get_evhttp_uri(request);
        const char* text = uri != nullptr ? evhttp_uri_get_path(uri) : nullptr;
        if (text == nullptr) return reply(request, HTTP_BADREQUEST, "bad request\n");
        const string_view path(text);

        const char* agent = header(request, "User-Agent");
        const bool check = agent != nullptr && std::strcmp(agent, "otto-health-check") == 0;
        if (path == "/health/fail") failing_ = true;
        if (path == "/health/ok") failing_ = false;
        if (path == "/health" || check) {
            return failing_ ? reply(request, HTTP_SERVUNAVAIL, "failing\n")
                            : reply(request, HTTP_OK, "ok\n");
        }
        if (path.starts_with("/health/")) return reply(request, HTTP_OK, "ok\n");
        if (path == "/count") return reply(request, HTTP_OK, fmt::format("{}\n", served_));

        ++served_;
        if (const auto size = number_after(path, "/bytes/")) return send_bytes(request, *size);
        if (const auto size = number_after(path, "/chunked/")) return send_chunked(request, *size);
        if (const auto delay = number_after(path, "/delay/"))
            return send_late(request, Milliseconds(*delay));
        if (path.starts_with("/work/")) {
            const string_view rest = path.substr(string_view("/work/").size());
            if (const auto time = parse_number(rest.substr(0, rest.find('/'))))
                return send_late(request, turn_for(Milliseconds(*time)));
        }
        if (const auto code = number_after(path, "/status/")) {
            if (*code < 200 || *code > 599) return reply(request, HTTP_BADREQUEST, "bad code\n");
            return reply(request, static_cast<int>(*code), fmt::format("status {}\n", *code));
        }
        if (path == "/echo") {
            return reply(request, HTTP_OK, describe(request, name_), "application/json");
        }
        if (path == "/close") add_header(request, "Connection", "close");
        reply(request, HTTP_OK, fmt::format("{} answers {}\n", name_, path));
    }

    static const char* header(evhttp_request* request, const char* name) {
        return evhttp_find_header(evhttp_request_get_input_headers(request), name);
    }

    static void add_header(evhttp_request* request, const char* name, const std::string& value) {
        evhttp_add_header(evhttp_request_get_output_headers(request), name, value.c_str());
    }

    static bool is_head(evhttp_request* request) {
        return evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
    }

    /// A whole reply at once.
    void reply(evhttp_request* request, int code, const std::string& body,
               const char* type = "text/plain") {
        add_header(request, "X-Server", name_);
        add_header(request, "Content-Type", type);
        const Buffer buffer(evbuffer_new());
        const bool bodiless = code == HTTP_NOCONTENT || code == HTTP_NOTMODIFIED;
        if (!bodiless && is_head(request)) {
            add_header(request, "Content-Length", std::to_string(body.size()));
        } else if (!bodiless) {
            evbuffer_add(buffer.get(), body.data(), body.size());
        }
        evhttp_send_reply(request, code, nullptr, buffer.get());
    }

    void send_bytes(evhttp_request* request, std::uint64_t size) {
        add_header(request, "Content-Length", std::to_string(size));
        start(request, size);
    }

    void send_chunked(evhttp_request* request, std::uint64_t size) {
        if (is_head(request)) add_header(request, "Transfer-Encoding", "chunked");
        start(request, size);
    }

    /// When work of that length is done that waits for what there is to do before it.
    Clock::duration turn_for(Clock::duration work) {
        const auto now = Clock::now();
        busy_until_ = std::max(busy_until_, now) + work;
        return busy_until_ - now;
    }

    void send_late(evhttp_request* request, Clock::duration delay) {
        Pending& pending = keep(request, 0);
        pending.timer.reset(evtimer_new(
            base_,
            [](evutil_socket_t, short, void* arg) {
                auto* late = static_cast<Pending*>(arg);
                evhttp_request* waiting = late->request;
                DemoServer* server = late->server;
                server->forget(*late);
                server->reply(waiting, HTTP_OK, fmt::format("{} answers late\n", server->name_));
            },
            &pending));
        const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(delay).count();
        const timeval after{static_cast<time_t>(micros / 1'000'000),
                            static_cast<suseconds_t>(micros % 1'000'000)};
        evtimer_add(pending.timer.get(), &after);
    }

    /// Sends the head, then the pattern in pieces, as the client takes them.
    void start(evhttp_request* request, std::uint64_t size) {
        add_header(request, "X-Server", name_);
        add_header(request, "Content-Type", "application/octet-stream");
        evhttp_send_reply_start(request, HTTP_OK, "OK");
        if (is_head(request) || size == 0) return evhttp_send_reply_end(request);
        send_more(keep(request, size));
    }

    static void send_more(Pending& pending) {
        constexpr std::uint64_t high_water = 256 * 1024;
        const Buffer piece(evbuffer_new());
        std::uint64_t room = std::min(high_water, pending.size - pending.sent);
        while (room > 0) {
            const std::size_t from = pending.sent % period;
            const std::size_t length = std::min<std::uint64_t>(period - from, room);
            evbuffer_add_reference(piece.get(), pattern().data() + from, length, nullptr, nullptr);
            pending.sent += length;
            room -= length;
        }
        if (pending.sent < pending.size) {
            const auto drained = [](evhttp_connection*, void* arg) {
                send_more(*static_cast<Pending*>(arg));
            };
            evhttp_send_reply_chunk_with_cb(pending.request, piece.get(), drained, &pending);
            return;
        }
        evhttp_request* request = pending.request;
        pending.server->forget(pending);
        evhttp_send_reply_chunk(request, piece.get());
        evhttp_send_reply_end(request);
    }

    Pending& keep(evhttp_request* request, std::uint64_t size) {
        auto& slot = pending_[request];
        slot = std::make_unique<Pending>(Pending{this, request, 0, size, nullptr});
        evhttp_connection_set_closecb(evhttp_request_get_connection(request), closed, slot.get());
        return *slot;
    }

    void forget(Pending& pending) {
        evhttp_connection_set_closecb(evhttp_request_get_connection(pending.request), nullptr,
                                      nullptr);
        pending_.erase(pending.request);
    }

    static void closed(evhttp_connection*, void* arg) {
        auto* pending = static_cast<Pending*>(arg);
        evhttp_request* request = pending->request;
        // evhttp detaches the request when the client went away, and frees it itself at shutdown.
        if (evhttp_request_get_connection(request) == nullptr) evhttp_send_reply_end(request);
        pending->server->pending_.erase(request);
    }

    event_base* base_;
    std::string name_;
    std::uint64_t served_ = 0;
    bool failing_ = false;
    Clock::time_point busy_until_{};
    std::unordered_map<evhttp_request*, std::unique_ptr<Pending>> pending_;
    Http http_;  // last: freeing it calls closed()
};

int listen_on(const sockaddr* address, socklen_t length, const std::string& shown) {
    const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail(fmt::format("socket: {}", std::strerror(errno)));
    const int on = 1;
    if (address->sa_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
    }
    if (bind(fd, address, length) != 0 || listen(fd, SOMAXCONN) != 0) {
        fail(fmt::format("cannot listen on {}: {}", shown, std::strerror(errno)));
    }
    return fd;
}

int open_listener(const Options& options) {
    if (!options.path.empty()) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (options.path.size() >= sizeof address.sun_path) fail("the path is too long");
        options.path.copy(address.sun_path, options.path.size());
        unlink(options.path.c_str());
        return listen_on(reinterpret_cast<const sockaddr*>(&address), sizeof address, options.path);
    }
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = getaddrinfo(options.address.c_str(), options.port.c_str(), &hints, &found);
    if (error != 0) fail(fmt::format("{}: {}", options.address, gai_strerror(error)));
    const std::unique_ptr<addrinfo, Deleter<freeaddrinfo>> owner(found);
    return listen_on(found->ai_addr, found->ai_addrlen, options.address + ":" + options.port);
}

void say_ready(const Options& options, int listener) {
    std::string line = fmt::format("ready {}\n", options.path);
    if (options.path.empty()) {
        sockaddr_in6 address{};  // the port lies at the same place in sockaddr_in
        socklen_t length = sizeof address;
        getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
        line = fmt::format("ready {}\n", ntohs(address.sin6_port));
    }
    if (write(options.ready_fd, line.data(), line.size()) < 0) fail("nobody waits for readiness");
}

Options parse_options(int argc, char** argv) {
    static const option known[] = {
        {"port", required_argument, nullptr, 'p'},     {"unix", required_argument, nullptr, 'u'},
        {"address", required_argument, nullptr, 'a'},  {"name", required_argument, nullptr, 'n'},
        {"ready-fd", required_argument, nullptr, 'r'}, {nullptr, 0, nullptr, 0}};
    Options options;
    for (int found = 0; (found = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        switch (found) {
            case 'p':
                options.port = optarg;
                break;
            case 'u':
                options.path = optarg;
                break;
            case 'a':
                options.address = optarg;
                break;
            case 'n':
                options.name = optarg;
                break;
            case 'r':
                options.ready_fd = static_cast<int>(parse_number(optarg).value_or(1));
                break;
            default:
                std::exit(64);
        }
    }
    if (optind != argc || options.port.empty() == options.path.empty()) {
        fmt::print(stderr,
                   "usage: demo_server --port N | --unix PATH [--address 127.0.0.1] [--name NAME] "
                   "[--ready-fd N]\n");
        std::exit(64);
    }
    return options;
}

Base open_base() {
    const std::unique_ptr<event_config, Deleter<event_config_free>> config(event_config_new());
    event_config_set_flag(config.get(), EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK);
    return Base(event_base_new_with_config(config.get()));
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse_options(argc, argv);
    std::signal(SIGPIPE, SIG_IGN);
    const Base base = open_base();
    if (!base) fail("no event loop");
    const int listener = open_listener(options);
    DemoServer server(base.get(), options.name, listener);

    const auto quit = [](evutil_socket_t, short, void* loop) {
        event_base_loopbreak(static_cast<event_base*>(loop));
    };
    const Event terminate(evsignal_new(base.get(), SIGTERM, quit, base.get()));
    const Event interrupt(evsignal_new(base.get(), SIGINT, quit, base.get()));
    event_add(terminate.get(), nullptr);
    event_add(interrupt.get(), nullptr);

    say_ready(options, listener);
    event_base_dispatch(base.get());
    if (!options.path.empty()) unlink(options.path.c_str());
}
