#pragma once

#include <string>
#include <string_view>

#include "base/handle.h"
#include "base/result.h"
#include "base/time.h"
#include "config/json.h"

namespace otto::ctl {

/// What Otto answered.
struct Reply {
    unsigned status = 0;
    std::string tag;   // ETag; "" when there is none
    std::string text;  // the body
    Json body;         // null when it is no JSON

    bool ok() const { return status >= 200 && status < 300; }
    /// The sentence of a problem document (RFC 9457), or what there is.
    std::string problem() const;
};

/// Where otto-admin.socket listens.
constexpr const char* default_place = "/run/otto/admin.sock";

/// Speaks to the admin API, one connection a call; waits for the answer.
class Client {
  public:
    /// `place` is the path of a UNIX socket, or HOST:PORT with a literal address, where changes
    /// need `token`.
    Client(std::string place, std::string token);

    /// With a `tag`, a change happens only if the configuration still has it. The Error says what
    /// to do about it.
    Result<Reply> call(std::string_view method, std::string_view target, std::string_view body = "",
                       Duration patience = std::chrono::seconds(30),
                       std::string_view tag = "") const;

    const std::string& place() const { return place_; }

  private:
    Result<UniqueFd> connect() const;
    std::string hint(int number) const;

    const std::string place_;
    const std::string token_;
};

/// `text` as one segment of a path (RFC 3986 §2.1).
std::string encode(std::string_view text);

}  // namespace otto::ctl
