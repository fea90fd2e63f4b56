// Response heads: a longer input never changes a verdict, and what is accepted is relayed as what
// Otto understood.

#include <string>

#include "fuzzing.h"
#include "http1/append_response.h"
#include "http1/parse_response.h"

namespace {

using namespace otto::http;
using namespace otto::http1;
using otto::fuzz::Draw;

constexpr std::string_view date = "Mon, 23 Nov 2026 00:00:00 GMT";

std::size_t count(const ResponseHead& head, FieldId id) {
    std::size_t number = 0;
    for (const Field& field : head.fields) number += field.id == id ? 1 : 0;
    return number;
}

/// The verdict once there is one, the bytes arriving in steps.
ResponseParse parse_in_steps(std::string_view input, Method method, Draw& draw) {
    ResponseHeadReader reader;
    for (std::size_t seen = 0;;) {
        const std::size_t left = input.size() - seen;
        seen += std::min(left, draw.step(left));
        const otto::fuzz::Bytes arrived(input.substr(0, seen));
        ResponseHead head;
        const auto parse = reader.parse(arrived.view(), method, head);
        if (parse.state != ParseState::incomplete || seen == input.size()) return parse;
    }
}

void check_relayed(const ResponseHead& head, Method method, const ReplyFraming& reply) {
    std::string out;
    append_response_head(out, head, reply, date);
    ResponseHead again;
    const auto parse = parse_response_head(out, method, again);
    OTTO_HOLDS(parse.state == ParseState::complete && parse.length == out.size());
    OTTO_HOLDS(again.status == head.status);
    OTTO_HOLDS(again.version_minor == 1);

    const bool chunked_to_old = reply.framing == Framing::chunked && reply.client_is_http10;
    const Framing sent = chunked_to_old ? Framing::until_close : reply.framing;
    OTTO_HOLDS(again.framing == sent);
    if (sent == Framing::length) OTTO_HOLDS(again.content_length == head.content_length);
    if (head.status != 101 && method != Method::connect)
        OTTO_HOLDS(again.keep_alive == (reply.keep_alive && sent != Framing::until_close));
    OTTO_HOLDS(count(again, FieldId::transfer_encoding) == (sent == Framing::chunked ? 1 : 0));
    OTTO_HOLDS(count(again, FieldId::content_length) <= 1);
    OTTO_HOLDS(count(again, FieldId::connection) <= 1);
    OTTO_HOLDS(count(again, FieldId::date) >= 1);
    for (const FieldId gone : {FieldId::keep_alive, FieldId::te, FieldId::proxy_connection})
        OTTO_HOLDS(count(again, gone) == 0);
    if (head.status < 200 || head.status == 204)
        OTTO_HOLDS(count(again, FieldId::content_length) == 0);
}

void check(std::string_view input, Method method, Draw& draw) {
    ResponseHead head;
    const auto parse = parse_response_head(input, method, head);
    const auto stepwise = parse_in_steps(input, method, draw);
    OTTO_HOLDS(stepwise.state == parse.state && stepwise.length == parse.length);
    if (parse.state == ParseState::malformed) OTTO_HOLDS(*parse.reason != '\0');
    if (parse.state != ParseState::complete) return;

    OTTO_HOLDS(parse.length <= input.size() && input.substr(0, parse.length).ends_with('\n'));
    OTTO_HOLDS(head.status >= 100 && head.status <= 999);
    OTTO_HOLDS(!head.keep_alive || head.framing != Framing::until_close);
    if (head.status < 200 && head.status != 101) {
        std::string out;
        append_interim_head(out, head);
        ResponseHead again;
        const auto second = parse_response_head(out, method, again);
        OTTO_HOLDS(second.state == ParseState::complete && second.length == out.size());
        OTTO_HOLDS(again.status == head.status);
        return;
    }
    for (const bool old : {false, true}) {
        check_relayed(head, method, {head.framing, head.keep_alive, old});
        if (head.framing == Framing::until_close)
            check_relayed(head, method, {Framing::chunked, true, old});
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const otto::fuzz::Bytes input(data, size);
    Draw draw(input.view());
    for (const Method method : {Method::get, Method::head, Method::connect})
        check(input.view(), method, draw);
    return 0;
}
