#include "wire.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace exchanges {

namespace {

void append_chunked(std::string& out, const Marker& marker, const BodyPlan& body, bool bad_chunk) {
    std::uint64_t at = 0;
    while (at < body.size) {
        const std::uint64_t count = std::min(body.chunk, body.size - at);
        if (bad_chunk && at + count >= body.size) {
            out += "-1\r\n";
            return;
        }
        fmt::format_to(std::back_inserter(out), "{:x}\r\n", count);
        marker.append(out, at, count);
        out += "\r\n";
        at += count;
    }
    out += "0\r\n\r\n";
}

void append_body(std::string& out, const Marker& marker, const BodyPlan& body, bool bad_chunk) {
    if (body.framing == BodyPlan::Framing::none) return;
    if (body.framing == BodyPlan::Framing::chunked)
        return append_chunked(out, marker, body, bad_chunk);
    marker.append(out, 0, body.size);
}

void append_framing(std::string& out, const BodyPlan& body) {
    if (body.framing == BodyPlan::Framing::length)
        fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", body.size);
    if (body.framing == BodyPlan::Framing::chunked) out += "Transfer-Encoding: chunked\r\n";
}

void append_padding(std::string& out, const Marker& marker, std::uint64_t size) {
    if (size > 0) out += "X-Padding: " + marker.letters(size) + "\r\n";
}

}  // namespace

Marker request_marker(const Seed& seed, std::uint64_t id) {
    return Marker(mix(mix(seed.number, 'r'), id));
}

Marker reply_marker(const Seed& seed, std::uint64_t id, unsigned attempt) {
    return Marker(mix(mix(seed.number, 's'), mix(id, attempt)));
}

std::string request_target(std::uint64_t id) {
    return fmt::format("/x/{:016x}", id);
}

std::optional<std::uint64_t> id_in(std::string_view method_and_target) {
    const auto at = method_and_target.find(" /x/");
    if (at == std::string_view::npos || method_and_target.size() - at < 20) return std::nullopt;
    std::uint64_t id = 0;
    const char* begin = &method_and_target[at] + 4;
    const auto [end, error] = std::from_chars(begin, begin + 16, id, 16);
    if (error != std::errc{} || end != begin + 16) return std::nullopt;
    return id;
}

Wire write_request(const Seed& seed, const ExchangePlan& plan, std::string_view cookie) {
    using Fault = ExchangePlan::Fault;
    Wire wire;
    std::string& out = wire.bytes;
    if (plan.fault == Fault::garbage) out += std::string(plan.method) + " /\x01 HTTP/1.1\r\n";
    out += plan.method;
    out += ' ' + request_target(plan.id) + (plan.http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    out += "Host: exchanges\r\n";
    const Marker marker = request_marker(seed, plan.id);
    append_padding(out, marker, plan.padding);
    if (!cookie.empty()) out += "Cookie: " + std::string(cookie) + "\r\n";
    if (plan.fault == Fault::two_framings)
        out += "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
    append_framing(out, plan.body);
    if (plan.expects) out += "Expect: 100-continue\r\n";
    if (plan.http10 && plan.keep_alive) out += "Connection: keep-alive\r\n";
    if (!plan.http10 && !plan.keep_alive) out += "Connection: close\r\n";
    out += "\r\n";
    wire.head = out.size();
    append_body(out, marker, plan.body, plan.fault == Fault::bad_chunk);
    return wire;
}

Wire write_reply(const Seed& seed, const ExchangePlan& exchange, unsigned attempt,
                 const AttemptPlan& plan) {
    Wire wire;
    std::string& out = wire.bytes;
    for (unsigned i = 0; i < plan.interim; ++i)
        out += "HTTP/1.1 103 Early Hints\r\nX-Hint: 1\r\n\r\n";
    fmt::format_to(std::back_inserter(out),
                   "HTTP/1.1 {} Scripted\r\nX-Exchange: {:016x}\r\nX-Attempt: {}\r\n", plan.status,
                   exchange.id, attempt);
    const Marker marker = reply_marker(seed, exchange.id, attempt);
    append_padding(out, marker, plan.padding);
    append_framing(out, plan.body);
    if (plan.announces_close) out += "Connection: close\r\n";
    out += "\r\n";
    wire.head = out.size();
    if (!exchange.is_head()) append_body(out, marker, plan.body, plan.bad_chunk);
    return wire;
}

}  // namespace exchanges
