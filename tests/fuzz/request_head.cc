// Request heads: however the bytes arrive, they are judged the same; and a head that is accepted is
// forwarded as what Otto understood, to be read in no other way.

#include <string>
#include <vector>

#include "fuzzing.h"
#include "http/fields.h"
#include "http1/append_request.h"
#include "http1/parse_request.h"
#include "http1/request_line.h"

namespace {

using namespace otto::http;
using namespace otto::http1;
using otto::fuzz::Draw;

/// The scan's verdict once it has one, the bytes arriving in steps that `steps` draws, or all at
/// once without.
HeadScan scan(std::string_view input, const RequestLimits& limits, Draw* steps) {
    std::size_t seen = 0;
    for (;;) {
        const std::size_t left = input.size() - seen;
        const std::size_t step = steps == nullptr ? left : std::min(left, steps->step(left));
        const std::size_t size = seen + step;
        const otto::fuzz::Bytes arrived(input.substr(0, size));
        const HeadScan scan = scan_request_head(arrived.view(), seen, limits);
        OTTO_HOLDS(scan.skip + scan.length <= arrived.view().size());
        if (scan.refusal || scan.length != 0 || size == input.size()) return scan;
        seen = size;
    }
}

std::size_t count(const std::vector<Field>& fields, FieldId id) {
    std::size_t number = 0;
    for (const Field& field : fields) number += field.id == id ? 1 : 0;
    return number;
}

void check_forwarded(const RequestHead& head, const ForwardingContext& context, bool keep_upgrade) {
    std::string out;
    append_request_head(out, head, context, keep_upgrade);

    // What Otto adds must not make it refuse its own words.
    RequestLimits roomy;
    roomy.header_bytes = out.size();
    roomy.target_bytes = out.size();
    roomy.header_count = static_cast<unsigned>(out.size());
    const HeadScan found = scan_request_head(out, 0, roomy);
    OTTO_HOLDS(!found.refusal && found.skip == 0 && found.length == out.size());
    RequestHead again;
    OTTO_HOLDS(!parse_request_head(out, roomy, again));

    OTTO_HOLDS(again.method_text == head.method_text);
    OTTO_HOLDS(again.version_minor == 1);
    OTTO_HOLDS(!again.absolute_form);
    std::string path(head.path);
    if (path != "*") {
        path.insert(0, path.starts_with('/') ? "" : "/");
        path.insert(0, context.base_path);
    }
    OTTO_HOLDS(again.path == path);
    OTTO_HOLDS(again.authority == (head.authority.empty() ? context.server_host : head.authority));
    OTTO_HOLDS(again.framing == head.framing);
    OTTO_HOLDS(again.content_length == head.content_length);
    OTTO_HOLDS(again.expect_continue == head.expect_continue);
    OTTO_HOLDS(again.upgrade == (head.upgrade && keep_upgrade));
    OTTO_HOLDS(again.keep_alive);

    OTTO_HOLDS(count(again.fields, FieldId::host) == 1);
    OTTO_HOLDS(count(again.fields, FieldId::content_length) ==
               (head.framing == Framing::length ? 1 : 0));
    OTTO_HOLDS(count(again.fields, FieldId::transfer_encoding) ==
               (head.framing == Framing::chunked ? 1 : 0));
    OTTO_HOLDS(count(again.fields, FieldId::x_forwarded_for) == 1);
    OTTO_HOLDS(count(again.fields, FieldId::forwarded) == 1);
    OTTO_HOLDS(context.trusted || count(again.fields, FieldId::identity) == 0);
    const Field* const options = again.find(FieldId::connection);
    const std::string_view said = options == nullptr ? "" : options->value;
    const bool trailers = count(again.fields, FieldId::te) != 0;
    OTTO_HOLDS(count(again.fields, FieldId::connection) == (said.empty() ? 0 : 1));
    OTTO_HOLDS(count(again.fields, FieldId::te) <= 1);
    OTTO_HOLDS(!trailers || again.find(FieldId::te)->value == "trailers");
    if (trailers) OTTO_HOLDS(said == (again.upgrade ? "te, upgrade" : "te"));
    if (!trailers) OTTO_HOLDS(said == (again.upgrade ? "upgrade" : ""));
    if (!keep_upgrade) OTTO_HOLDS(count(again.fields, FieldId::upgrade) == 0);
    for (const FieldId gone :
         {FieldId::keep_alive, FieldId::proxy_connection, FieldId::proxy_authorization,
          FieldId::proxy_authenticate, FieldId::proxy_authentication_info, FieldId::http2_settings})
        OTTO_HOLDS(count(again.fields, gone) == 0);
    for (const Field& field : again.fields) {
        const FieldId imitated = imitated_field(field.name);
        OTTO_HOLDS(imitated == FieldId::other ||
                   (imitated == FieldId::identity && context.trusted));
        if (field.id != FieldId::other) continue;
        for (const Field& original : head.fields)
            if (original.id == FieldId::connection)
                OTTO_HOLDS(!has_token(original.value, field.name));
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const otto::fuzz::Bytes bytes(data, size);
    const std::string_view input = bytes.view();
    Draw draw(input);
    RequestLimits limits;
    limits.secure = draw.below(4) == 0;
    if (draw.below(4) == 0) limits = {512, 4, 64, limits.secure};

    RequestHead head;
    const HeadScan whole = scan(input, limits, nullptr);
    const HeadScan pieces = scan(input, limits, &draw);
    OTTO_HOLDS(bool(pieces.refusal) == bool(whole.refusal));
    OTTO_HOLDS(whole.refusal || (pieces.length == whole.length && pieces.skip == whole.skip));
    // Of two faults, the one that is met first counts: a head may be too long before it is bad.
    OTTO_HOLDS(pieces.refusal.status == whole.refusal.status || pieces.refusal.status != 400);
    // A request line that is refused before its head has come would have been refused with it.
    if (judge_request_line(input, 0, limits))
        OTTO_HOLDS(whole.refusal ||
                   parse_request_head(input.substr(whole.skip, whole.length), limits, head));
    if (whole.refusal || whole.length == 0) {
        // No head: the parser must refuse it, too, and survive it.
        OTTO_HOLDS(whole.refusal.status == 414 || whole.refusal.status == 431 ||
                   parse_request_head(input, limits, head));
        return 0;
    }

    const otto::fuzz::Bytes exact(input.substr(whole.skip, whole.length));
    const Refusal refusal = parse_request_head(exact.view(), limits, head);
    if (refusal) {
        OTTO_HOLDS(refusal.status >= 400 && refusal.status < 600 && *refusal.reason != '\0');
        return 0;
    }
    if (head.method == Method::connect) return 0;

    ForwardingContext context;
    context.client_ip = draw.below(2) == 0 ? "192.0.2.7" : "2001:db8::7";
    context.trusted = draw.below(2) == 0;
    context.scheme = limits.secure ? "https" : "http";
    context.base_path = draw.below(2) == 0 ? "" : "/base";
    context.request_id = "id";
    context.server_host = "localhost:5001";
    check_forwarded(head, context, head.upgrade && draw.below(2) == 0);
    return 0;
}
