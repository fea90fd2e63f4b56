#pragma once

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <event2/event.h>
#include <sys/socket.h>

#include "accept/acceptor.h"
#include "accept/arrival.h"
#include "accept/connection_share.h"
#include "accept/connection_table.h"
#include "base/address.h"
#include "base/handle.h"
#include "event/loop.h"
#include "fakes/clock.h"
#include "http/client_stream.h"
#include "http1/connection_context.h"

namespace otto::fakes {

/// A table of connections whose clients are the test, over TCP, on one thread, in virtual time.
/// Each request is answered at once, unless `holds` is set.
class Arrivals final : private accept::AcceptorObserver, private accept::ConnectionTableObserver {
  public:
    Arrivals() {
        acceptor_ = std::move(*accept::Acceptor::open(loop, *this));
        UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        const Address any = *Address::from_ip("127.0.0.1", 0);
        ::bind(fd.get(), any.get(), any.length());
        ::listen(fd.get(), 128);
        sockaddr_storage name{};
        socklen_t length = sizeof name;
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &length);
        address_ = Address(reinterpret_cast<sockaddr*>(&name), length);
        listening_ = static_cast<bool>(acceptor_->listen(std::move(fd)));
        connections.configure({});
    }
    ~Arrivals() {
        acceptor_->settle();
        table.end_all();
        table.free_ended();
    }
    Arrivals(const Arrivals&) = delete;
    Arrivals& operator=(const Arrivals&) = delete;

    bool listening() const { return listening_; }

    /// All clients are behind a proxy that must send a PROXY header, from now on.
    void expect_proxy_headers() {
        context.proxy_protocol = true;
        context.trusted_proxies = {*Cidr::parse("127.0.0.0/8")};
    }

    /// A client whose connection has been accepted, and started unless `starts` is unset.
    UniqueFd connect() {
        UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        ::connect(fd.get(), address_.get(), address_.length());
        turn();
        return fd;
    }
    /// The same, with bytes that come together with the connection.
    UniqueFd connect(std::string_view bytes) {
        const bool start = std::exchange(starts, false);
        UniqueFd fd = connect();
        say(fd, bytes);
        starts = start;
        turn();
        return fd;
    }
    void say(const UniqueFd& client, std::string_view bytes) {
        ::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        turn();
    }
    /// What has come.
    static std::string hear(const UniqueFd& client) {
        char bytes[1024];
        const ssize_t length = ::recv(client.get(), bytes, sizeof bytes, MSG_DONTWAIT);
        return {bytes, length > 0 ? static_cast<std::size_t>(length) : 0};
    }
    /// All has come that will.
    static bool closed(const UniqueFd& client) {
        char byte = 0;
        return ::recv(client.get(), &byte, 1, MSG_DONTWAIT) == 0 || errno != EAGAIN;
    }

    /// Lets everything happen that needs no time.
    void turn() {
        for (int i = 0; i < 8; ++i) {
            event_base_loop(loop.base(), EVLOOP_NONBLOCK);
            while (starts && table.unstarted() > 0) table.start_next();
            table.free_ended();
        }
    }
    void pass(Duration duration) {
        constexpr int steps = 8;
        for (int i = 0; i < steps; ++i) {
            clock.advance(duration / steps);
            turn();
        }
    }

    /// Answers the requests that are held.
    void answer() {
        for (const auto& each : std::exchange(held_, {})) each->answer();
        turn();
    }
    std::size_t held() const { return held_.size(); }

    // ---- what happened ----
    std::vector<std::string> requests;  // the address of the client of each
    std::vector<unsigned> refusals;     // status of each request that was refused
    std::vector<std::string> bad_headers;
    std::vector<accept::Waiting> evicted;
    unsigned refused = 0;
    unsigned ended = 0;

    // ---- how it behaves ----
    bool starts = true;
    bool holds = false;  // requests

    SteppedClock clock;
    Loop loop = std::move(*Loop::open());
    accept::ConnectionShare share{1};
    http1::ConnectionContext connections{
        loop, [this](http::ClientStream& client) { on_request(client); }, {}};
    accept::ArrivalContext context{
        .connections = connections,
        .on_bad_proxy_header = [this](const Address&,
                                      const char* reason) { bad_headers.emplace_back(reason); },
        .trusted_proxies = {}};

  private:
    /// One request, which is answered at some time or loses its client.
    class Held : public http::ClientObserver {
      public:
        explicit Held(http::ClientStream& client) : client_(&client) { client.observe(*this); }
        virtual ~Held() = default;
        void answer() {
            if (client_ == nullptr) return;
            client_->begin_reply(http::LocalHead{.status = 204}, {.date = "now"});
            static_cast<void>(client_->end_reply());
            client_->finish(false);
        }

      private:
        void on_client_body() override {}
        void on_client_drained() override {}
        void on_client_gone() override { client_ = nullptr; }

        http::ClientStream* client_;
    };

    void on_request(http::ClientStream& client) {
        requests.emplace_back(client.peer_ip());
        if (client.refusal()) refusals.push_back(client.refusal().status);
        auto request = std::make_unique<Held>(client);
        holds ? held_.push_back(std::move(request)) : request->answer();
    }

    void on_accepting() override { table.expect(); }
    void on_accepted(accept::Accepted accepted) override { table.add(std::move(accepted)); }
    void on_vanished() override { table.vanished(); }
    void on_accept_failed(int) override {}
    void on_ended() override { ++ended; }
    void on_room(bool) override {}
    void on_evicted(accept::Waiting waiting) override { evicted.push_back(waiting); }
    void on_refused() override { ++refused; }

    std::unique_ptr<accept::Acceptor> acceptor_;
    Address address_;
    bool listening_ = false;
    std::vector<std::unique_ptr<Held>> held_;

  public:
    accept::ConnectionTable table{context, share, 0, *this};  // ends before all that it uses
};

}  // namespace otto::fakes
