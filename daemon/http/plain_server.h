#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <event2/http.h>

#include "base/handle.h"
#include "base/result.h"
#include "event/loop.h"

namespace otto::http {

/// A request to Otto itself, with its whole body.
struct PlainRequest {
    std::string method;
    std::string path;   // as it was sent, percent-encoded
    std::string query;  // what follows the "?", likewise
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;
    bool local = false;  // over a UNIX socket, and so from somebody its mode lets in
    std::string peer;    // "127.0.0.1:40312", "process 4711 of user 1000"

    /// The value of a field; null when it is missing.
    const std::string* field(std::string_view name) const;
    std::size_t count(std::string_view name) const;
};

struct PlainReply {
    unsigned status = 200;
    std::string body;
    std::string type = "application/json";
    std::vector<std::pair<std::string, std::string>> fields;  // more of them
};

/// A small HTTP server for the control thread: evhttp as it is, whole requests, whole replies,
/// within limits of its own. Not for traffic. Of the loop's thread. Destroying it closes all
/// connections.
class PlainServer {
  public:
    /// Each request has a ticket, by which reply() answers it: at once or later.
    using Handler = std::function<void(const PlainRequest&, std::uint64_t ticket)>;

    static Result<std::unique_ptr<PlainServer>> open(const Loop& loop, Handler handler);
    PlainServer(const PlainServer&) = delete;
    PlainServer& operator=(const PlainServer&) = delete;

    /// Accepts connections on a listening, non-blocking socket.
    Status listen(UniqueFd socket);

    /// Answers a request. A client that has gone meanwhile is no error.
    void reply(std::uint64_t ticket, const PlainReply& reply);

    // RFC 3986 §2.1; an invalid escape stays as it is.
    static std::string decode(std::string_view text);
    /// The decoded value of `name` in a query; "" when it is missing.
    static std::string parameter(std::string_view query, std::string_view name);

  private:
    PlainServer(evhttp* http, Handler handler);
    static void dispatch(evhttp_request* request, void* self);

    Handler handler_;
    std::uint64_t last_ticket_ = 0;
    std::unordered_map<std::uint64_t, evhttp_request*> open_;  // owned by http_
    std::unique_ptr<evhttp, Deleter<evhttp_free>> http_;
};

}  // namespace otto::http
