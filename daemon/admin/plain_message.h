#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "http/reply_sink.h"
#include "http/shared_text.h"

namespace otto::admin {

/// A request to Otto itself.
struct PlainRequest {
    std::string method;
    std::string path;   // as it was sent, percent-encoded
    std::string query;  // what follows the "?", likewise
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;
    bool local = false;           // over a UNIX socket, and so from a user whom its mode lets in
    std::string peer;             // "127.0.0.1:40312", "process 4711 of user 1000"
    std::optional<uid_t> user{};  // of a local peer, where the kernel tells
    /// Why it cannot be served, if it is malformed, too large, or too slow: a status and a reason
    /// ("the request's head took too long"). The rest may be empty then.
    unsigned refused = 0;
    std::string refusal{};

    /// The value of a field; null when it is missing.
    const std::string* field(std::string_view name) const;
    /// The values of all fields of that name, joined by commas (RFC 9110 §5.3).
    std::string joined(std::string_view name) const;
    std::size_t count(std::string_view name) const;
    /// The decoded value of a parameter of the query; "" when it is missing.
    std::string parameter(std::string_view name) const;
};

struct PlainReply {
    unsigned status = 200;
    std::string body;
    std::string type = "application/json";
    /// More of them. Without a Cache-Control, one that forbids to store the reply is added.
    std::vector<std::pair<std::string, std::string>> fields;
    /// The body, when many replies share it; `body` is empty then.
    http::SharedText shared = {};
};

/// Without percent-encoding (RFC 3986 §2.1); an invalid escape stays as it is.
std::string percent_decoded(std::string_view text);

/// The head of a reply; the length of its body is left open.
http::LocalHead head_of(const PlainReply& reply);

}  // namespace otto::admin
