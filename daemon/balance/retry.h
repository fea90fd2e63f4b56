#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace otto {

/// How an attempt at a server failed before the head of a response was complete. A failure after
/// that is no longer an attempt's: the client has seen part of the response.
enum class Failure : std::uint8_t {
    refused,                // nothing listens
    connect_failed,         // unreachable, reset while connecting, …
    connect_timeout,        // `timeouts.connect` passed, or the kernel's own time
    reset_before_response,  // closed or reset before the head of a response was complete
    response_timeout,       // `timeouts.response` passed without a response
    malformed_response,     // bytes that are no response, or that end within its head
    local,                  // Otto's own: no file descriptor, no memory
};

/// How many kinds of them there are.
inline constexpr std::size_t failure_kinds = static_cast<std::size_t>(Failure::local) + 1;

/// Whether a failed attempt costs neither one of `retries.attempts` nor the retry budget: no
/// connection came up, so that the server did no work and the client did not wait for one.
constexpr bool is_free(Failure failure) {
    return failure == Failure::refused || failure == Failure::connect_failed;
}

/// Whether another server may be tried after a failed attempt. `request_sent`: a byte of the
/// request was handed to the connection; `body_replayable`: all that was taken of its body is still
/// held, without which the next server would get a shorter one. `attempts_made` includes the failed
/// one, unless that was free. Budgets are the caller's affair. Pure.
///
/// | failure, body replayable  | nothing sent | sent                             |
/// |---------------------------|--------------|----------------------------------|
/// | refused, connect_failed,  | any method   | idempotent                       |
/// | connect_timeout           |              | (cannot be, but is safe)         |
/// | reset_before_response     | any method   | idempotent                       |
/// | response_timeout          | any method   | idempotent                       |
/// | malformed_response        | any method   | never                            |
/// | local                     | any method   | never (cannot be)                |
///
/// Sent: RFC 9110 §9.2.2 lets a client repeat idempotent requests by itself, and no others, when
/// the connection fails before a response could be read. A timeout is such a failure: the server
/// may still be at work, but doing it twice is what idempotent allows, and a server that hangs
/// should not cost the request; nginx does the same by default. Malformed: a response has begun, so
/// the server did act on the request and would most likely answer the repetition likewise (nginx
/// needs to be told to, too); before anything was sent, it is the leftover of an idle connection (a
/// 408, say) and means nothing. Local: where the ports for one server have run out, those for
/// another have not.
bool may_retry(Failure failure, bool request_sent, bool idempotent, bool body_replayable,
               unsigned attempts_made, unsigned attempts_allowed);

const char* to_string(Failure failure);

/// For the log: "connection refused", "malformed response (a bare LF)". A detail that would only
/// repeat the failure is left out.
std::string describe(Failure failure, std::string_view detail);

}  // namespace otto
