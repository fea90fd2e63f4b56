#include "http1/local_head.h"

#include <fmt/format.h>

#include "http/error_reply.h"
#include "http/writer.h"

namespace otto::http1 {

using namespace http;

void append_local_head(std::string& out, const LocalHead& head, const ReplyFraming& reply,
                       std::string_view date) {
    Writer writer(out);
    writer.add("HTTP/1.1 ");
    writer.add_number(head.status);
    writer.add(" ", reason_phrase(head.status), "\r\nDate: ", date, "\r\n");
    for (const auto& [name, value] : head.fields) writer.add(name, ": ", value, "\r\n");
    if (head.length && has_length(head.status)) {
        writer.add("Content-Length: ");
        writer.add_number(*head.length);
        writer.add("\r\n");
    } else if (reply.framing == Framing::chunked) {
        writer.add("Transfer-Encoding: chunked\r\n");
    }
    if (!reply.keep_alive) {
        writer.add("Connection: close\r\n");
    } else if (reply.client_is_http10) {
        writer.add("Connection: keep-alive\r\n");
    }
    writer.add("\r\n");
}

}  // namespace otto::http1
