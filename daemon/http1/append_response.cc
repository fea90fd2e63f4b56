#include "http1/append_response.h"

#include "http/kept_fields.h"
#include "http1/head_lines.h"

namespace otto::http1 {

using namespace http;

namespace {

/// The status line as Otto's own: HTTP/1.1, and the space that must stand before an empty reason
/// (RFC 9112 §4).
void append_status_line(LineRuns& runs, Writer& writer, const ResponseHead& response) {
    constexpr std::size_t version = 8;  // "HTTP/1.1"
    constexpr std::size_t code = 12;    // "HTTP/1.1 200"
    const std::string_view line = response.status_line;
    if (line.size() > code + 2 && line[version - 1] == '1' && line[code + 1] != ' ') {
        runs.add(line);
        return;
    }
    std::string_view reason = line.substr(code);
    while (reason.starts_with(' ')) reason.remove_prefix(1);
    writer.add("HTTP/1.1", line.substr(version, code - version), " ", reason);
}

void append_connection(Writer& writer, const ReplyFraming& reply, bool keep_alive, bool upgrade) {
    const char* lifetime = "";
    if (!keep_alive) lifetime = "close";
    if (keep_alive && reply.client_is_http10) lifetime = "keep-alive";
    if (*lifetime == '\0' && !upgrade) return;
    writer.add("Connection: ", lifetime, *lifetime != '\0' && upgrade ? ", " : "",
               upgrade ? "upgrade" : "", "\r\n");
}

/// The status line, and the fields that are kept.
FieldKinds append_kept(Writer& writer, const ResponseHead& response, const KeptFields& kept) {
    LineRuns runs(writer);
    append_status_line(runs, writer, response);
    return kept.for_each(response.fields, response.nominates,
                         [&runs](const Field& field) { runs.add(field.line); });
}

}  // namespace

Framing reply_framing(const ResponseHead& response, bool client_is_http10) {
    switch (response.framing) {
        case Framing::none:
        case Framing::length:
            return response.framing;
        case Framing::chunked:
        case Framing::until_close:
            return client_is_http10 ? Framing::until_close : Framing::chunked;
    }
    return response.framing;
}

void append_response_head(std::string& out, const ResponseHead& response, const ReplyFraming& reply,
                          std::string_view date) {
    Writer writer(out);
    Framing framing = reply.framing;
    if (framing == Framing::chunked && reply.client_is_http10) framing = Framing::until_close;
    const bool keep_alive = reply.keep_alive && framing != Framing::until_close;

    const bool upgrade = response.status == 101 || response.status == 426;
    KeptFields kept = KeptFields::of_response();
    kept.upgrade = upgrade;
    kept.trailer = framing == Framing::chunked;
    const FieldKinds sent = append_kept(writer, response, kept);
    const bool lengthless = response.status < 200 || response.status == 204;
    if (framing == Framing::none && sent.has(FieldId::content_length)) framing = Framing::length;
    if (!lengthless) append_framing(writer, framing, response.content_length);
    if (!sent.has(FieldId::date)) writer.add("Date: ", date, "\r\n");
    if (reply.via) append_via(writer, response.version_minor);
    // A switch of protocols says nothing about the connection's end.
    append_connection(writer, reply, keep_alive || response.status == 101,
                      upgrade && sent.has(FieldId::upgrade));
    if (!reply.set_cookie.empty()) writer.add("Set-Cookie: ", reply.set_cookie, "\r\n");
    writer.add("\r\n");
}

void append_interim_head(std::string& out, const ResponseHead& response) {
    Writer writer(out);
    append_kept(writer, response, KeptFields::of_response());
    writer.add("\r\n");
}

}  // namespace otto::http1
