#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/access.h"
#include "admin/control.h"
#include "admin/events.h"
#include "admin/overlay/changes.h"
#include "admin/page.h"
#include "admin/plain_server.h"
#include "admin/renderings.h"
#include "admin/server_index.h"
#include "admin/waiters.h"
#include "event/loop.h"
#include "event/stretches.h"

namespace otto::admin {

/// The admin API, JSON over HTTP, and the web page. It lets in whom access.h does, reads and
/// changes by way of Control and Changes, and answers. Its routes are the table in api.cc, which
/// otto(8) explains. Owned by Otto; control thread.
///
/// Replies about the configuration carry an ETag; a change with an If-Match that does not have it
/// is refused with 412. Doing the same again changes nothing more. Whoever is refused learns it
/// before the body of the request is read.
class Api {
  public:
    static Result<std::unique_ptr<Api>> open(const Loop& loop, Control& control, Changes& changes,
                                             std::optional<std::string> state_directory);

    Status listen(UniqueFd socket) { return server_->listen(std::move(socket)); }
    /// To be fed with records and ticks, and closed at the end.
    Events& events() { return events_; }

  private:
    /// A request as its handler sees it.
    struct Call {
        const PlainRequest& request;
        std::uint64_t ticket;
        std::string id;  // of the server in the path, decoded
        bool forced;
        bool wait;  // for the last request on the server to end
    };
    /// No reply: the handler has seen to it that one comes later.
    using Answer = std::optional<PlainReply>;
    using Handle = Answer (Api::*)(const Call&);
    enum class Kind : std::uint8_t {
        reads,
        acts,     // changes something: a precondition is looked at first
        changes,  // the same, by a body in JSON
        checks    // a body in JSON, and changes nothing
    };
    struct Route {
        std::string_view method;
        std::string_view path;  // "*" at its end is the id of a server
        Handle handle;
        Kind kind = Kind::reads;
    };
    /// What the routes make of a method and a path.
    struct Found {
        const Route* route = nullptr;
        const Asset* asset = nullptr;  // or else
        std::string_view id;
        std::string allowed;  // methods of the path; "": there is no such path
    };

    Api(const Loop& loop, Control& control, Changes& changes,
        std::optional<std::string> state_directory);

    static const std::vector<Route>& routes();
    static Found find_route(const PlainRequest& request);
    Answer judge_head(const PlainRequest& request);
    void handle(const PlainRequest& request, std::uint64_t ticket);
    Answer answer(const PlainRequest& request, std::uint64_t ticket);
    void client_gone(std::uint64_t ticket);
    void connection_evicted();

    Answer get_status(const Call& call);
    Answer get_events(const Call& call);
    Answer get_token(const Call& call);
    Answer get_healthz(const Call& call);
    Answer get_readyz(const Call& call);
    Answer get_metrics(const Call& call);

    // config_api.cc
    Answer get_config(const Call& call);
    Answer patch_config(const Call& call);
    Answer put_config(const Call& call);
    Answer check_config(const Call& call);
    Answer drop_changes(const Call& call);
    Answer reload(const Call& call);
    bool may_answer(const ServerConfig& server);
    /// Of a change after which no server could answer, though one could before.
    Answer refuse_outage(const Config& config);
    /// Puts a proposal into force. A reply says why not.
    Answer apply(const Call& call, Changes::Proposal proposal, const std::string& prefix = "");

    // servers_api.cc
    Answer get_servers(const Call& call);
    Answer add_server(const Call& call);
    Answer get_server(const Call& call);
    Answer patch_server(const Call& call);
    Answer remove_server(const Call& call);
    Answer check_server(const Call& call);
    const ServerConfig* find_server(std::string_view id);
    PlainReply unknown_server(const std::string& id) const;
    Answer hold(const Call& call, const std::string& name,
                std::vector<std::shared_ptr<Server>> servers);
    void release(const Waiters::Waiter& waiter, bool drained, std::uint64_t active);

    /// Answers later: with what is rendered for all who ask.
    Answer render(const Call& call, Renderings::Kind kind);
    Rendering begin_rendering(Renderings::Kind kind) const;
    Events::Out events_out();
    PlainReply with_tag(PlainReply reply) const;

    Control& control_;
    Changes& changes_;
    Token token_;
    Stretches stretches_;
    Events events_;
    Waiters waiters_;
    std::uint64_t requests_ = 0;
    struct {
        std::uint64_t count = 0;   // connections, all so far
        std::uint64_t logged = 0;  // of which the log has a record
        TimePoint last{};          // the record
    } evicted_;
    ServerIndex index_;
    Renderings renderings_;
    std::unique_ptr<PlainServer> server_;
};

}  // namespace otto::admin
