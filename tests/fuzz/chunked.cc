// ChunkedReader: however the bytes arrive, it tells the same, and the same as the plain reader.

#include "http1/chunked.h"

#include <string>

#include "fuzzing.h"
#include "simple_chunks.h"

namespace {

using otto::fuzz::Draw;
using Kind = otto::http1::ChunkedReader::Kind;

struct Reading {
    Kind end = Kind::need_more;
    std::string payload;
    std::size_t length = 0;
    std::string trailers;

    bool operator==(const Reading&) const = default;
};

/// Feeds `input` in steps that `steps` draws, or all at once without.
Reading read(std::string_view input, Draw* steps) {
    otto::http1::ChunkedReader reader;
    Reading reading;
    while (reading.length < input.size()) {
        const auto rest = input.substr(reading.length);
        const std::size_t size = steps == nullptr ? rest.size() : steps->step(rest.size());
        const otto::fuzz::Bytes arrived(rest.substr(0, size));
        std::string_view bytes = arrived.view();
        while (!bytes.empty()) {
            const auto piece = reader.next(bytes);
            OTTO_HOLDS(piece.length <= bytes.size());
            reading.end = piece.kind;
            switch (piece.kind) {
                case Kind::framing:
                    OTTO_HOLDS(piece.length != 0);
                    break;
                case Kind::payload:
                    OTTO_HOLDS(piece.length != 0);
                    reading.payload += bytes.substr(0, piece.length);
                    break;
                case Kind::end:
                    reading.length += piece.length;
                    for (const auto& field : reader.trailers()) reading.trailers += field.line;
                    return reading;
                case Kind::need_more:
                    OTTO_NEVER("bytes that are there can be told");
                    break;
                case Kind::malformed:
                    OTTO_HOLDS(*reader.reason() != '\0');
                    // Where it stands then is nobody's business.
                    reading.length = 0;
                    return reading;
            }
            bytes.remove_prefix(piece.length);
            reading.length += piece.length;
        }
    }
    OTTO_HOLDS(reader.next({}).kind == Kind::need_more);
    reading.end = Kind::need_more;
    return reading;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const otto::fuzz::Bytes input(data, size);
    Draw steps(input.view());
    const Reading whole = read(input.view(), nullptr);
    OTTO_HOLDS(read(input.view(), &steps) == whole);

    const auto plain = otto::fuzz::SimpleChunksReader::read(input.view());
    OTTO_HOLDS(whole.payload == plain.payload);
    OTTO_HOLDS((whole.end == Kind::end) ==
               (plain.complete && !otto::fuzz::misleads(plain.trailer)));
    if (whole.end != Kind::end) return 0;
    OTTO_HOLDS(whole.length == plain.length);

    // What is passed on of the trailer can be read again, and nothing more is dropped from it.
    const std::string again = "0\r\n" + whole.trailers + "\r\n";
    const Reading second = read(again, nullptr);
    OTTO_HOLDS(second.end == Kind::end && second.length == again.size());
    OTTO_HOLDS(second.trailers == whole.trailers);
    return 0;
}
