#include "http1/chunked.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "http/characters.h"
#include "http/name_set.h"
#include "http1/field_lines.h"

namespace otto::http1 {

using namespace http;

namespace {

constexpr std::size_t max_line = 8 * 1024;
constexpr unsigned max_digits = 16;
constexpr auto max_size = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

/// Fields that change how a message is framed, routed, authenticated or handled: too late in a
/// trailer, and dangerous where a receiver merges trailers into the header section (RFC 9110
/// §6.5.1). Those with a FieldId are forbidden, too.
constexpr NameSet forbidden_trailers(std::array<std::string_view, 19>{
    "age",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-range",
    "cookie",
    "expires",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "pragma",
    "range",
    "retry-after",
    "set-cookie",
    "vary",
    "www-authenticate",
});

bool may_be_trailer(const Field& field) {
    if (field.id != FieldId::other || imitated_field(field.name) != FieldId::other) return false;
    return !forbidden_trailers.contains(field.name);
}

/// The fields that smuggling needs: a peer that sends them in a trailer means harm or is broken.
bool misleads(const Field& field) {
    return field.id == FieldId::content_length || field.id == FieldId::transfer_encoding ||
           field.id == FieldId::host;
}

}  // namespace

bool ChunkedReader::fail(const char* reason) {
    reason_ = reason;
    return false;
}

/// What may follow the size or a whole extension: the next extension, or the line's end.
bool ChunkedReader::end_size_line(char byte, State on_blank) {
    if (byte == ';') {
        state_ = State::extension;
    } else if (is_blank(byte)) {
        state_ = on_blank;
    } else if (byte == '\r') {
        state_ = State::size_lf;
    } else {
        return fail(state_ == State::size ? "a malformed chunk size"
                                          : "a malformed chunk extension");
    }
    return true;
}

bool ChunkedReader::take_size(char byte) {
    if (const unsigned digit = look_up(hex_table, byte); digit != 0) {
        if (++digits_ > max_digits || left_ > max_size >> 4) return fail("a chunk size too large");
        left_ = left_ << 4 | (digit - 1);
        return true;
    }
    if (digits_ == 0) return fail("a chunk without a size");
    return end_size_line(byte, State::padding);
}

/// The first character of an extension's name or unquoted value, or white space before it.
bool ChunkedReader::take_extension_start(char byte, State first) {
    if (is_blank(byte)) return true;
    if (look_up(token_table, byte) == 0) return fail("a malformed chunk extension");
    state_ = first;
    return true;
}

/// One byte of an extension (RFC 9112 §7.1.1) after its ';'.
bool ChunkedReader::take_extension(char byte) {
    switch (state_) {
        case State::extension:
            return take_extension_start(byte, State::extension_name);
        case State::extension_name:
            if (look_up(token_table, byte) != 0) return true;
            [[fallthrough]];
        case State::extension_equals:
            if (byte == '=') {
                state_ = State::extension_value;
                return true;
            }
            // White space does not end a line: an '=' or a ';' must follow it.
            if (byte == '\r' && state_ == State::extension_equals)
                return fail("white space after a chunk extension");
            return end_size_line(byte, State::extension_equals);
        case State::extension_value:
            if (byte != '"') return take_extension_start(byte, State::extension_token);
            state_ = State::extension_quoted;
            return true;
        case State::extension_token:
            if (look_up(token_table, byte) != 0) return true;
            return end_size_line(byte, State::blank);
        case State::extension_quoted:
        case State::extension_escape:
            if (byte != '\t' && (byte < 0x20 || byte >= 0x7f))
                return fail("a control character in a chunk extension");
            if (state_ == State::extension_escape) {
                state_ = State::extension_quoted;
            } else if (byte == '\\') {
                state_ = State::extension_escape;
            } else if (byte == '"') {
                state_ = State::extension_quoted_end;
            }
            return true;
        case State::extension_quoted_end:
            return end_size_line(byte, State::blank);
        case State::size:
        case State::padding:
        case State::blank:
        case State::size_lf:
        case State::payload:
        case State::payload_cr:
        case State::payload_lf:
        case State::trailer:
        case State::done:
            return true;
    }
    return true;
}

/// One byte of a size line or of the line end after a chunk.
bool ChunkedReader::take(char byte) {
    switch (state_) {
        case State::size:
        case State::padding:
        case State::blank:
        case State::extension:
        case State::extension_name:
        case State::extension_equals:
        case State::extension_value:
        case State::extension_token:
        case State::extension_quoted:
        case State::extension_escape:
        case State::extension_quoted_end:
        case State::size_lf:
            if (++line_ > max_line) return fail("a chunk size line too long");
            break;
        case State::payload:
        case State::payload_cr:
        case State::payload_lf:
        case State::trailer:
        case State::done:
            break;
    }
    switch (state_) {
        case State::size:
            return take_size(byte);
        case State::padding:
        case State::blank:
            if (byte == '\r' && (state_ == State::blank || !padded_sizes_))
                return fail("white space at the end of a chunk size line");
            return end_size_line(byte, state_);
        case State::extension:
        case State::extension_name:
        case State::extension_equals:
        case State::extension_value:
        case State::extension_token:
        case State::extension_quoted:
        case State::extension_escape:
        case State::extension_quoted_end:
            return take_extension(byte);
        case State::size_lf:
            if (byte != '\n') return fail("a bare CR after a chunk size");
            state_ = left_ == 0 ? State::trailer : State::payload;
            return true;
        case State::payload_cr:
            if (byte != '\r') return fail("a chunk longer than its size");
            state_ = State::payload_lf;
            return true;
        case State::payload_lf:
            if (byte != '\n') return fail("a bare CR after a chunk");
            state_ = State::size;
            digits_ = 0;
            line_ = 0;
            return true;
        case State::payload:
        case State::trailer:
        case State::done:
            return true;
    }
    return true;
}

/// Takes trailer lines from `input`, up to and with the empty line.
bool ChunkedReader::take_trailer(std::string_view input, std::size_t& taken) {
    while (taken < input.size() && state_ == State::trailer) {
        const auto lf = input.find('\n', taken);
        const auto end = lf == std::string_view::npos ? input.size() : lf + 1;
        if (section_.size() + (end - taken) > trailer_limits_.header_bytes) {
            over_ = OverLimit::header_bytes;
            return fail("a trailer too long");
        }
        section_.append(input, taken, end - taken);
        taken = end;
        if (lf == std::string_view::npos) return true;
        const std::string_view section = section_;
        if (!section.ends_with("\r\n")) return fail("a bare LF");
        if (section.size() == 2 || section.ends_with("\r\n\r\n")) return finish_trailer();
    }
    return true;
}

bool ChunkedReader::finish_trailer() {
    state_ = State::done;
    if (section_.size() == 2) return true;
    const auto lines = parse_field_lines(section_, trailer_limits_.header_count, trailers_);
    switch (lines.state) {
        case FieldLines::State::malformed:
            return fail(lines.reason);
        case FieldLines::State::incomplete:
            return fail("a malformed trailer");
        case FieldLines::State::too_many:
            over_ = OverLimit::header_count;
            return fail("too many trailer fields");
        case FieldLines::State::complete:
            break;
    }
    if (lines.length != section_.size()) return fail("a malformed trailer");
    if (std::any_of(trailers_.begin(), trailers_.end(), misleads))
        return fail("a trailer field that frames or routes");
    std::erase_if(trailers_, [](const Field& field) { return !may_be_trailer(field); });
    return true;
}

ChunkedReader::Piece ChunkedReader::next(std::string_view input) {
    std::size_t taken = 0;
    for (;;) {
        switch (state_) {
            case State::payload: {
                if (taken != 0) return {Kind::framing, taken};
                if (input.empty()) return {Kind::need_more, 0};
                const auto length =
                    static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
                left_ -= length;
                if (left_ == 0) state_ = State::payload_cr;
                return {Kind::payload, length};
            }
            case State::trailer:
                if (!take_trailer(input, taken)) return {Kind::malformed, 0};
                if (state_ == State::done) return {Kind::end, taken};
                return {taken != 0 ? Kind::framing : Kind::need_more, taken};
            case State::done:
                return {Kind::end, 0};
            case State::size:
            case State::padding:
            case State::blank:
            case State::extension:
            case State::extension_name:
            case State::extension_equals:
            case State::extension_value:
            case State::extension_token:
            case State::extension_quoted:
            case State::extension_escape:
            case State::extension_quoted_end:
            case State::size_lf:
            case State::payload_cr:
            case State::payload_lf:
                break;
        }
        if (taken == input.size()) return {taken != 0 ? Kind::framing : Kind::need_more, taken};
        if (!take(input[taken])) return {Kind::malformed, 0};
        ++taken;
    }
}

void ChunkedReader::reset() {
    state_ = State::size;
    left_ = 0;
    digits_ = 0;
    line_ = 0;
    section_.clear();
    trailers_.clear();
    reason_ = "";
    over_ = OverLimit::none;
}

void ChunkedReader::reset(const ResponseLimits& limits) {
    reset();
    trailer_limits_ = limits;
}

ChunkHeader::ChunkHeader(Bytes size) {
    char* end = std::to_chars(text_, text_ + sizeof text_ - 2, size, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    length_ = static_cast<std::size_t>(end - text_);
}

}  // namespace otto::http1
