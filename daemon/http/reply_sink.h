#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/time.h"
#include "http/message.h"
#include "http/shared_text.h"

namespace otto::http {

/// The head of a reply that Otto makes itself. The sink adds Date and what delimits the body.
struct LocalHead {
    unsigned status = 500;
    std::vector<std::pair<std::string, std::string>> fields = {};
    std::optional<Bytes> length = {};  // of the body; nothing: it is not known yet
};

/// How a reply's head goes out. The views need only last for the call.
struct ReplyOptions {
    std::string_view date;             // the current one as IMF-fixdate, 29 bytes
    bool via = false;                  // add Via (RFC 9110 §7.6.3)
    bool last = false;                 // the connection cannot go on after this reply
    std::string_view set_cookie = {};  // the value of a Set-Cookie field to add; "": none
};

/// What follows a piece of a reply.
enum class More : std::uint8_t {
    flush,   // nothing for now: the piece goes out
    splice,  // splice_reply(), or push(), at once: the kernel may hold the piece until then
};

/// Where a response goes. Speaks messages, whatever protocol carries them: a head, pieces of
/// payload, trailers. Calls come in that order, on one thread. What returns false when it fails
/// says that the sink is broken: it takes nothing any more.
class ReplySink {
  public:
    /// An interim response (1xx, not 101), which a client that cannot understand it does not get.
    [[nodiscard]] virtual bool interim(const ResponseHead& head) = 0;
    /// A response's head. It is held until the next write() or end_reply(), which must follow in
    /// the same call chain, so that both leave in one segment.
    virtual void begin_reply(const ResponseHead& head, const ReplyOptions& options) = 0;
    virtual void begin_reply(const LocalHead& head, const ReplyOptions& options) = 0;
    /// A piece of the body, which may be empty. What is not taken at once is queued.
    [[nodiscard]] virtual bool write(std::string_view payload, More more = More::flush) = 0;
    /// The same; what is queued of it is not copied.
    [[nodiscard]] virtual bool write_shared(const SharedText& payload) = 0;
    /// The last piece of the body, which may be empty, and the trailer fields. Called once for each
    /// reply that is complete.
    [[nodiscard]] virtual bool end_reply(std::string_view payload = {},
                                         std::span<const Field> trailers = {}) = 0;

    /// Whether the body of this reply may be spliced, now that its head has gone out.
    virtual bool splices_reply() const { return false; }
    /// When nothing is queued: moves up to `length` bytes of the body from a pipe to the sink, as
    /// splice(2) does. ENOTSUP: not with this sink.
    virtual ssize_t splice_reply(int /*pipe*/, std::size_t /*length*/) {
        errno = ENOTSUP;
        return -1;
    }
    /// Nothing is spliced after More::splice.
    virtual void push() {}

    /// Bytes that were queued and have not gone out.
    virtual std::size_t queued() const = 0;

  protected:
    ~ReplySink() = default;
};

}  // namespace otto::http
