#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace otto::observe {

/// Why Otto answered by itself.
enum class OwnReply : std::uint8_t {
    none,           // it did not
    refused,        // the request is bad, too large, too slow, or of a method that is not passed on
    options,        // OPTIONS * and the like
    no_server,      // no server takes requests
    queue_full,     // too many wait for a place at a server
    queue_timeout,  // waited too long for one
    attempt_failed,  // the servers that were asked gave no usable reply
    too_slow,        // the client sent its body below timeouts.minimumRate
};

/// How many kinds there are, `none` included.
inline constexpr std::size_t own_replies = static_cast<std::size_t>(OwnReply::too_slow) + 1;

/// "no-server", for fields and labels; "" for none.
const char* to_string(OwnReply reply);

/// What is noted of an exchange on its way, for metrics and the access log. Times that were not
/// reached are zero.
struct Trace {
    enum class End : std::uint8_t {
        complete,  // the reply went out
        aborted,   // the client went away
        cut,       // the reply broke off
        too_slow,  // the client was below timeouts.minimumRate after the reply had begun
    };

    TimePoint begun{};      // the request's head was complete
    TimePoint attempted{};  // the last attempt began: waits and other attempts are before
    TimePoint connected{};  // it had a connection
    TimePoint sent{};       // the whole request was handed to the kernel; zero for small ones that
                            // went out at once, which is when it was connected
    TimePoint answered{};   // the response's head was there, or Otto's own reply was made
    TimePoint ended{};
    unsigned status = 0;    // that the client got; 0: none
    unsigned attempts = 0;  // servers that were asked
    unsigned retries = 0;   // tries after the first, a second one at the same server included
    Bytes received = 0;     // of the request's body
    Bytes relayed = 0;      // of the reply's body; of a tunnel, all that came after the head
    OwnReply own = OwnReply::none;
    End end = End::complete;
    bool stream = false;  // server-sent events
    bool tunnel = false;  // a switch of protocols
};

}  // namespace otto::observe
