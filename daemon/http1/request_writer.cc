#include "http1/request_writer.h"

#include "http1/append_request.h"
#include "http1/chunked.h"

namespace otto::http1 {

using namespace http;

void RequestWriter::begin(const RequestHead& request, const ForwardingContext& context) {
    clear();
    chunked_ = request.framing == Framing::chunked;
    append_request_head(out_, request, context, request.upgrade);
}

void RequestWriter::add(std::string_view payload) {
    if (payload.empty()) return;
    if (chunked_) out_.append(ChunkHeader(payload.size()).text());
    out_.append(payload);
    if (chunked_) out_.append("\r\n");
}

void RequestWriter::end(std::span<const Field> trailers) {
    if (!chunked_) return;
    out_.append("0\r\n");
    for (const Field& field : trailers) out_.append(field.line);
    out_.append("\r\n");
}

void RequestWriter::sent(std::size_t length) {
    sent_ += length;
    if (sent_ == out_.size()) clear();
}

void RequestWriter::clear() {
    out_.clear();
    sent_ = 0;
}

}  // namespace otto::http1
