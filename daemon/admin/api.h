#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/access.h"
#include "admin/changes.h"
#include "admin/control.h"
#include "event/loop.h"
#include "event/timer.h"
#include "http/plain_server.h"

namespace otto::admin {

/// The admin API: JSON over HTTP, for ottoctl and others. It lets in whom access.h does, reads and
/// changes by way of Control and Changes, and answers. Owned by Otto; control thread.
///
///     GET    /api/v1/status
///     GET    /api/v1/servers                 POST adds one
///     GET    /api/v1/servers/ID              PATCH changes it, DELETE removes it
///     GET    /api/v1/config                  PATCH changes it (merge patch)
///     POST   /api/v1/config/check
///     DELETE /api/v1/config/overlay          drops all changes
///     POST   /api/v1/reload
///     GET    /api/v1/token                   over the UNIX socket only
///     GET    /healthz, /readyz
///
/// Replies about the configuration carry an ETag; a change with an If-Match that does not have it
/// is refused with 412. Doing the same again changes nothing more.
class Api {
  public:
    static Result<std::unique_ptr<Api>> open(const Loop& loop, Control& control, Changes& changes,
                                             std::optional<std::string> state_directory);

    Status listen(UniqueFd socket) { return server_->listen(std::move(socket)); }

  private:
    /// A request as its handler sees it.
    struct Call {
        const http::PlainRequest& request;
        std::uint64_t ticket;
        std::string id;  // of the server in the path, decoded
        bool forced;
        bool wait;  // for the last request on the server to end
    };
    /// No reply: the handler has seen to it that one comes later.
    using Answer = std::optional<http::PlainReply>;
    using Handle = Answer (Api::*)(const Call&);
    struct Route {
        std::string_view method;
        std::string_view path;  // "*" at its end is the id of a server
        Handle handle;
        bool changes = false;  // a precondition is looked at first
    };
    /// A reply that is held until nothing is under way on these servers.
    struct Waiter {
        std::uint64_t ticket;
        std::string name;
        std::vector<std::shared_ptr<Server>> servers;
        TimePoint deadline;
    };

    Api(const Loop& loop, Control& control, Changes& changes,
        std::optional<std::string> state_directory);

    static const std::vector<Route>& routes();
    void handle(const http::PlainRequest& request, std::uint64_t ticket);
    Answer answer(const http::PlainRequest& request, std::uint64_t ticket);
    Answer check_precondition(const http::PlainRequest& request) const;

    Answer get_status(const Call& call);
    Answer get_token(const Call& call);
    Answer get_healthz(const Call& call);
    Answer get_readyz(const Call& call);

    // config_api.cc
    Answer get_config(const Call& call);
    Answer patch_config(const Call& call);
    Answer check_config(const Call& call);
    Answer drop_changes(const Call& call);
    Answer reload(const Call& call);
    /// Puts a proposal into force. A reply says why not.
    Answer apply(const Call& call, Changes::Proposal proposal, const std::string& prefix = "");

    // servers_api.cc
    Answer get_servers(const Call& call);
    Answer add_server(const Call& call);
    Answer get_server(const Call& call);
    Answer patch_server(const Call& call);
    Answer remove_server(const Call& call);
    const ServerConfig* find_server(std::string_view id) const;
    std::vector<const Member*> members_of(const ServerConfig& server) const;
    http::PlainReply unknown_server(const std::string& id) const;
    Answer hold(const Call& call, const std::string& name,
                std::vector<std::shared_ptr<Server>> servers);
    void release();

    http::PlainReply with_tag(http::PlainReply reply) const;

    Control& control_;
    Changes& changes_;
    Token token_;
    std::unique_ptr<http::PlainServer> server_;
    std::vector<Waiter> waiters_;
    Timer release_timer_;
};

}  // namespace otto::admin
