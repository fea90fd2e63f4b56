#include "round.h"

#include <filesystem>

#include <fmt/format.h>

namespace exchanges {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t spare_pipes = 4;  // that a worker keeps, as proxy/pipe.cc says

std::string make_folder() {
    std::string name = std::filesystem::temp_directory_path() / "otto-exchanges-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) fail("mkdtemp");
    return name;
}

}  // namespace

Round::Round(const RoundOptions& options)
    : options_(options),
      folder_(make_folder()),
      ledger_(options.seed, options.number),
      random_(mix(mix(options.seed.number, 'o'), options.number)),
      place_(make_place()),
      otto_(options.otto, folder_, random_config(random_, options.seed.profile, place_)),
      reload_timer_(loop_, [this] { reload_after(); }) {
    wanted_ = random_.pick<std::size_t>({4, 24, 64});
}

Round::~Round() {
    clients_.clear();
    servers_.clear();
    if (ledger_.violations() > 0) {
        fmt::print(stderr, "the log and the last configuration are in {}\n", folder_);
        return;
    }
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
}

ConfigPlace Round::make_place() {
    const std::uint64_t count = random_.between(1, 3);
    ConfigPlace place;
    for (std::uint64_t i = 0; i < count; ++i) {
        const bool over_unix = random_.chance(150);
        servers_.push_back(std::make_unique<Server>(
            loop_, ledger_, options_.number << 8 | i,
            over_unix ? fmt::format("{}/server-{}", folder_, i) : std::string()));
        place.urls.push_back(servers_.back()->url());
    }
    place.workers = static_cast<unsigned>(random_.between(1, 3));
    place.access_log = random_.chance(500) ? folder_ + "/access.log" : "off";
    return place;
}

template <typename Done>
bool Round::wait_until(Done done) {
    const TimePoint end = Clock::now() + options_.patience;
    while (!done()) {
        if (Clock::now() > end || !otto_.is_running()) return false;
        loop_.turn(5ms);
    }
    return true;
}

void Round::run() {
    if (!wait_until([this] { return otto_.metrics()["otto_ready"] == 1; }))
        return ledger_.violation("Otto did not become ready", 0, otto_.log_path());
    files_before_ = otto_.files();
    reload_after();
    const TimePoint end = Clock::now() + options_.length;
    while (Clock::now() < end && otto_.is_running() && ledger_.violations() == 0) {
        open_clients();
        loop_.turn(1ms);
    }
    reload_timer_.cancel();
    end_traffic();
    if (ledger_.violations() == 0) check_left();
    check_end();
}

void Round::open_clients() {
    for (unsigned tries = 0; clients_.size() < wanted_ && tries < wanted_; ++tries) {
        const ConnectionPlan plan =
            plan_connection(options_.seed, options_.number << 32 | connections_++);
        auto client = std::make_unique<ClientConnection>(loop_, ledger_, plan,
                                                         [this](ClientConnection& ended) {
                                                             const auto at = clients_.find(&ended);
                                                             if (at == clients_.end()) return;
                                                             loop_.retire(std::move(at->second));
                                                             clients_.erase(at);
                                                         });
        ClientConnection& made = *client;
        clients_[&made] = std::move(client);
        if (!made.open(plan.over_unix ? otto_.unix_socket() : otto_.tcp())) clients_.erase(&made);
    }
}

void Round::reload_after() {
    ++ledger_.tally().reloads;
    otto_.reload(random_config(random_, options_.seed.profile, place_));
    reload_timer_.set(std::chrono::milliseconds(random_.between(20, 500)));
}

void Round::end_traffic() {
    for (const auto& server : servers_) server->settle();
    for (const auto& [client, owner] : clients_) client->settle();
    if (wait_until([this] { return clients_.empty(); })) return;
    for (const auto& [client, owner] : clients_)
        ledger_.violation("an exchange does not end", 0, client->describe_state());
}

void Round::check_left() {
    for (const auto& server : servers_) server->close_all();
    std::string left;
    const bool clean = wait_until([this, &left] {
        left.clear();
        auto metrics = otto_.metrics();
        for (const char* gauge :
             {"otto_client_connections", "otto_queue_length", "otto_server_active_requests"}) {
            if (metrics[gauge] != 0) left += fmt::format(" {}={}", gauge, metrics[gauge]);
        }
        for (const auto& [kind, count] : otto_.files()) {
            // The access log is opened when there is something to write.
            const std::size_t spare = kind == "pipe"              ? 2 * spare_pipes * place_.workers
                                      : kind == place_.access_log ? 1
                                                                  : 0;
            const std::size_t most = files_before_[kind] + spare;
            if (count > most) left += fmt::format(" {} of {}, not {}", count, kind, most);
        }
        return left.empty();
    });
    if (!clean) ledger_.violation("something is left when all is over", 0, left);
}

void Round::check_end() {
    const std::string wrong =
        otto_.stop(std::chrono::duration_cast<std::chrono::seconds>(options_.patience));
    if (!wrong.empty()) ledger_.violation("Otto did not end well", 0, wrong);
}

}  // namespace exchanges
