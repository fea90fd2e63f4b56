#pragma once

#include <string>
#include <string_view>

#include "base/handle.h"
#include "base/result.h"
#include "config/json.h"
#include "ctl/console/wait.h"

namespace otto::ctl {

struct Request {
    std::string_view method;
    std::string target;
    std::string body{};
    std::string tag{};  // If-Match: a change happens only if the configuration
                        // still has it
};

/// What Otto answered.
struct Reply {
    unsigned status = 0;
    std::string tag;   // ETag; "" when there is none
    std::string type;  // Content-Type; "" when there is none
    std::string text;  // the body
    Json body;         // an object; null of a deletion without a body

    bool ok() const { return status >= 200 && status < 300; }
    /// The sentence of a problem document (RFC 9457), or what there is.
    std::string problem() const;
};

/// The stream of events: a reply whose body goes on. When Otto refuses, `reply` is whole and `fd`
/// empty.
struct Stream {
    Reply reply;
    UniqueFd fd;
    std::string begun;  // of the body
};

/// Where otto-admin.socket listens.
constexpr const char* default_place = "/run/otto/admin.sock";

/// Speaks to the admin API, one connection a call; waits for the answer.
class Client {
  public:
    /// `place` is the path of a UNIX socket (whatever has a "/" or no ":", and "@NAME"), or
    /// ADDRESS:PORT, where changes need `token`; there "localhost" and "" are 127.0.0.1.
    Client(std::string place, std::string token);

    /// The Error says what to do about it. What is no answer of an Otto is one, too.
    Result<Reply> call(const Request& request, const Patience& patience = {}) const;
    /// Asks for the events after the one with the id `last` ("": for all that are kept), and waits
    /// for the head of the answer.
    Result<Stream> follow(const std::string& last, const Patience& patience = {}) const;

    const std::string& place() const { return place_; }
    /// Whether it is a UNIX socket, whose mode says who answers there.
    bool is_local() const;

  private:
    Result<UniqueFd> connect() const;
    std::string hint(int number) const;
    std::string authorization() const;

    const std::string place_;
    const std::string token_;
};

/// `text` as one segment of a path (RFC 3986 §2.1).
std::string encode(std::string_view text);

}  // namespace otto::ctl
