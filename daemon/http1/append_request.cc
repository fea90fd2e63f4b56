#include "http1/append_request.h"

#include <algorithm>

#include "http/characters.h"
#include "http/client_fields.h"
#include "http/kept_fields.h"
#include "http1/head_lines.h"

namespace otto::http1 {

using namespace http;

namespace {

FieldKinds append_kept(Writer& writer, const RequestHead& request, const KeptFields& kept) {
    LineRuns runs(writer);
    return kept.for_each(request.fields, request.nominates,
                         [&runs](const Field& field) { runs.add(field.line); });
}

void append_client_fields(Writer& writer, const ClientFields& client) {
    writer.add("X-Forwarded-For: ");
    client.append_addresses(writer);
    writer.add("\r\n");
    if (const auto scheme = client.scheme(); !scheme.empty())
        writer.add("X-Forwarded-Proto: ", scheme, "\r\n");
    if (const auto host = client.host(); !host.empty())
        writer.add("X-Forwarded-Host: ", host, "\r\n");
    if (const auto port = client.port(); !port.empty())
        writer.add("X-Forwarded-Port: ", port, "\r\n");
    writer.add("Forwarded: ");
    client.append_elements(writer);
    writer.add("\r\n");
}

/// One less than it came with.
void append_max_forwards(Writer& writer, const RequestHead& request) {
    const auto left = max_forwards(request);
    if (!left || *left == 0) return;
    writer.add("Max-Forwards: ");
    writer.add_number(*left - 1);
    writer.add("\r\n");
}

/// The protocols that are offered, but for h2c.
void append_upgrade(Writer& writer, const RequestHead& request) {
    writer.add("Upgrade: ");
    const char* separator = "";
    for (const Field& field : request.fields) {
        if (field.id != FieldId::upgrade) continue;
        for_each_element(field.value, [&](std::string_view protocol) {
            if (is_h2c(protocol)) return true;
            writer.add(separator, protocol);
            separator = ", ";
            return true;
        });
    }
    writer.add("\r\n");
}

/// What this connection to the server is asked for: a switch of protocols, trailers.
void append_hop_by_hop(Writer& writer, const RequestHead& request, bool upgrade, bool has_te) {
    const bool trailers =
        has_te && request.version_minor > 0 &&
        std::any_of(request.fields.begin(), request.fields.end(), [](const Field& field) {
            return field.id == FieldId::te && has_token(field.value, "trailers");
        });
    if (trailers) writer.add("TE: trailers\r\n");
    if (!trailers && !upgrade) return;
    writer.add("Connection: ", trailers ? "te" : "", trailers && upgrade ? ", " : "",
               upgrade ? "upgrade" : "", "\r\n");
}

}  // namespace

void append_request_head(std::string& out, const RequestHead& request,
                         const ForwardingContext& context, bool keep_upgrade) {
    Writer writer(out);
    writer.add(request.method_text, " ");
    if (request.path != "*") {
        writer.add(context.base_path);
        if (!request.path.starts_with('/')) writer.add("/");
    }
    writer.add(request.path, " HTTP/1.1\r\n");

    // Host stays where it is unless something else must be said.
    const bool own_host = request.absolute_form || request.authority.empty();
    const auto& host = request.authority.empty() ? context.server_host : request.authority;
    if (own_host) writer.add("Host: ", host, "\r\n");

    KeptFields kept = KeptFields::of_request(request, context);
    kept.upgrade = keep_upgrade && !request.offers_h2c;
    kept.host = !own_host;
    const FieldKinds sent = append_kept(writer, request, kept);
    if (request.expect_continue) writer.add("Expect: 100-continue\r\n");
    if (keep_upgrade && request.offers_h2c) append_upgrade(writer, request);
    append_framing(writer, request.framing, request.content_length);
    append_client_fields(writer, ClientFields(request, context, sent));
    if (!context.request_id.empty()) writer.add("X-Request-Id: ", context.request_id, "\r\n");
    if (!kept.max_forwards && sent.has(FieldId::max_forwards)) append_max_forwards(writer, request);
    if (context.via) append_via(writer, request.version_minor);
    append_hop_by_hop(writer, request, keep_upgrade && sent.has(FieldId::upgrade),
                      sent.has(FieldId::te));
    writer.add("\r\n");
}

}  // namespace otto::http1
