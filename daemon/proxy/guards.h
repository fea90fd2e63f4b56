#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/client_stream.h"
#include "observe/trace.h"
#include "proxy/request_body.h"

namespace otto {

/// What Otto answers without a server.
struct GuardReply {
    observe::OwnReply own = observe::OwnReply::refused;
    unsigned status = 0;
    std::vector<std::pair<std::string, std::string>> fields = {};
    const char* reason = nullptr;  // for the log; null: not worth a record
};

/// Asks the guards in turn: each looks at one reason why no server gets to see a request. Nothing
/// when there is none. Pure.
std::optional<GuardReply> guard(const http::ClientStream& client, RequestBody::State body);

}  // namespace otto
