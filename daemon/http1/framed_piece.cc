#include "http1/framed_piece.h"

namespace otto::http1 {

using namespace http;

FramedPiece::FramedPiece(std::string_view head, Framing framing, std::string_view payload,
                         bool last, std::span<const Field> trailers)
    : size_line_(payload.size()) {
    add(head);
    if (framing == Framing::none) return;
    const bool chunks = framing == Framing::chunked;
    if (chunks && !payload.empty()) add(size_line_.text());
    if (!payload.empty()) payload_ = count_;
    add(payload);
    if (!chunks) return;
    if (!payload.empty()) end_ = "\r\n";
    if (last) {
        end_ += "0\r\n";
        for (const Field& field : trailers) end_ += field.line;
        end_ += "\r\n";
    }
    add(end_);
}

void FramedPiece::add(std::string_view piece) {
    if (!piece.empty()) pieces_[count_++] = {const_cast<char*>(piece.data()), piece.size()};
}

}  // namespace otto::http1
