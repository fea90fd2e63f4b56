#pragma once

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/eventfd.h>

#include "event/loop.h"
#include "event/mailbox.h"
#include "fakes/client.h"
#include "fakes/clock.h"
#include "fakes/server.h"
#include "http1/parse_request.h"
#include "proxy/exchange_context.h"
#include "proxy/exchange_pool.h"

namespace otto::fakes {

/// A client with the head that it has sent.
struct Request {
    explicit Request(std::string text) : bytes(std::move(text)) {
        const auto scan = http1::scan_request_head(bytes, 0, {});
        const std::string_view head_bytes = std::string_view(bytes).substr(0, scan.length);
        const http::Refusal refusal = http1::parse_request_head(head_bytes, {}, head);
        client.emplace(head, std::string_view(bytes).substr(scan.length));
        client->refused = refusal;
    }
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    std::string bytes;
    http::RequestHead head;
    std::optional<Client> client;
};

/// What a worker has for its exchanges, on one thread, in virtual time, in front of fake servers.
class Proxy {
  public:
    explicit Proxy(std::size_t count = 2, int backlog = 64) {
        for (std::size_t i = 0; i < count; ++i)
            servers.push_back(std::make_unique<Server>(backlog));
        for (const auto& server : servers) {
            const std::string url = "http://server-" + std::to_string(members.size());
            auto made = std::make_shared<otto::Server>(url, "server", "",
                                                       std::vector<Address>{server->address()});
            made->set_health(Health::healthy);
            members.push_back({.server = std::move(made), .name = url});
        }
    }

    /// After changes of `config`, `members` or `selection`. Active members receive requests.
    void publish() {
        std::vector<Member> active;
        std::ranges::copy_if(members, std::back_inserter(active), [](const Member& member) {
            return member.state == ServerState::active;
        });
        auto pool = Pool{std::make_shared<const std::vector<Member>>(members),
                         Candidates::build(std::move(active), selection, 0)};
        auto snapshot = std::make_shared<const Snapshot>(std::make_shared<const Config>(config),
                                                         ++generation_, std::move(pool));
        if (!upstreams) {
            upstreams.emplace(
                loop, worker, 0u, ledger, std::move(snapshot),
                [this](std::function<void()> message) { control->post(std::move(message)); });
            upstreams->configure();
            context.emplace(
                ExchangeContext{loop, *upstreams, ledger, workspace, [this](Exchange& exchange) {
                                    ++over;
                                    exchanges->give(exchange);
                                }});
            exchanges.emplace(*context, most_spare_bytes);
        } else {
            upstreams->take_on(std::move(snapshot));
            exchanges->candidates_changed();
            upstreams->queue().serve();
        }
        turn();
    }

    void begin(Request& request) {
        if (!upstreams) publish();
        start(request);
        turn();
    }
    /// Begins, and lets nothing else happen.
    void start(Request& request) {
        ++begun;
        exchanges->take().begin(*request.client);
    }
    /// More of the request arrives.
    void arrive(Request& request, std::size_t length = std::string::npos) {
        request.client->arrive(length == std::string::npos ? request.bytes.size() : length);
        if (!request.client->body_left && request.client->observer != nullptr)
            request.client->observer->on_client_body();
        turn();
    }

    /// Lets everything happen that needs no time.
    void turn(int turns = 8) {
        for (int i = 0; i < turns; ++i) {
            event_base_loop(loop.base(), EVLOOP_NONBLOCK);
            for (const auto& server : servers) server->accept();
        }
    }
    void pass(Duration duration) {
        constexpr int steps = 8;
        for (int i = 0; i < steps; ++i) {
            clock.advance(duration / steps);
            turn(2);
        }
        turn();
    }
    /// Requests in progress at all servers.
    std::size_t leased() const {
        std::size_t sum = 0;
        for (const Member& member : members) sum += member.server->active();
        return sum;
    }

    SteppedClock clock;
    Loop loop = std::move(*Loop::open());
    std::unique_ptr<Mailbox> control = std::move(*Mailbox::open(loop));
    std::vector<std::string> reported;
    WorkerReports reports{
        .on_taken_out = [this](std::uint64_t, std::string) { reported.emplace_back("out"); },
        .on_errors = [this](std::uint64_t, unsigned) { reported.emplace_back("errors"); },
        .on_answered = [this](std::uint64_t) { reported.emplace_back("answered"); },
        .on_probe_request = [this](std::uint64_t, bool) { reported.emplace_back("probe request"); },
        .on_accept_paused = {},
        .on_accept_resumed = {},
        .on_confirmed = {},
        .on_drained = {}};
    accept::ConnectionShare share{1};
    QueueShare queue{1};
    ConnectionCalls calls;
    tls::Secret key{};
    accesslog::Queue access_log{UniqueFd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), 1};
    WorkerContext worker{*control, reports, share, 1, queue, calls, key, access_log};
    Ledger ledger{loop, access_log, 0, 1};
    Workspace workspace{loop};
    Config config;
    std::vector<std::unique_ptr<Server>> servers;
    std::vector<Member> members;
    Selection selection;
    std::optional<Upstreams> upstreams;
    std::optional<ExchangeContext> context;
    std::size_t most_spare_bytes = ExchangePool::most_spare_bytes;
    std::optional<ExchangePool> exchanges;
    std::size_t begun = 0;  // requests
    std::size_t over = 0;   // exchanges that gave themselves back

  private:
    std::uint64_t generation_ = 0;
};

}  // namespace otto::fakes
