#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "balance/server.h"
#include "base/address.h"
#include "base/time.h"
#include "http/client_stream.h"
#include "observe/trace.h"

namespace otto::accesslog {

/// A request that has ended. Holds during the call only.
struct Ended {
    const http::ClientStream& client;
    const std::vector<Cidr>& trusted_proxies;  // of the configuration that it began with
    const observe::Trace& trace;
    std::span<Server* const> tried;  // in turn
    std::string_view request_id;     // only when requests are logged
};

/// What the access log says about one request. The views hold for as long as what they were taken
/// from.
struct Record {
    static constexpr std::size_t most_tried = 10;  // of the servers asked, the last among them

    /// Bits of `cut`.
    static constexpr std::uint8_t cut_target = 1;
    static constexpr std::uint8_t cut_host = 2;
    static constexpr std::uint8_t cut_user_agent = 4;
    static constexpr std::uint8_t cut_referer = 8;

    enum class Family : std::uint8_t { ipv4, ipv6, local };

    /// All that is of one size. Times that were not reached are negative.
    struct Facts {
        TimePoint begun;   // the request's head was complete
        Duration wait;     // until the last attempt began, or Otto answered
        Duration connect;  // from there until it had a connection
        Duration send;     // from there until a request that did not go out at once was sent
        Duration head;     // from there until the response's head was there
        Duration total;    // from `begun` to the end of the reply
        Bytes received = 0;
        Bytes sent = 0;
        std::array<std::uint8_t, 16> client{};  // IPv4 as IPv4-mapped IPv6
        std::uint16_t client_port = 0;          // 0: not known
        std::uint16_t status = 0;
        std::uint16_t attempts = 0;
        std::uint16_t retries = 0;
        Family family = Family::local;
        std::uint8_t version_minor = 1;
        observe::Trace::End end = observe::Trace::End::complete;
        observe::OwnReply own = observe::OwnReply::none;
        bool tunnel = false;
        std::uint8_t cut = 0;  // which texts were longer
    };

    Facts facts{};
    std::string_view method;
    std::string_view target;
    std::string_view host;
    std::string_view user_agent;
    std::string_view referer;
    std::string_view request_id;
    std::string_view trace_id;                         // 32 lower-case hexadecimal digits, or ""
    std::string_view detail;                           // why Otto refused the request
    std::array<std::string_view, most_tried> tried{};  // URLs of servers, in turn
    std::size_t tried_count = 0;

    std::span<const std::string_view> servers() const {
        return std::span(tried).first(tried_count);
    }
};

/// The longest that a record keeps of each text; longer ones are cut there. otto(8) has them, too.
struct Limits {
    static constexpr std::size_t method = 64;
    static constexpr std::size_t target = 2048;
    static constexpr std::size_t host = 256;
    static constexpr std::size_t user_agent = 512;
    static constexpr std::size_t referer = 1024;
    static constexpr std::size_t server = 256;
};

/// What there is to say about a request that has ended. Worker's thread; allocates nothing.
Record record_of(const Ended& ended);

/// The bytes that write_record() fills.
std::size_t record_size(const Record& record);
void write_record(const Record& record, std::span<char> out);
/// What was written, as views of `bytes`, which only write_record() has filled.
Record read_record(std::span<const char> bytes);

/// The trace id of a traceparent field (W3C observe::Trace Context, section 3.2), "" when it is not
/// valid.
std::string_view trace_id_of(std::string_view traceparent);

}  // namespace otto::accesslog
