#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// A second reader of the chunked coding (RFC 9112 §7.1), written from the grammar in the plainest
/// way: over the whole text at once, by recursive descent, without any code of Otto's. The fuzz
/// targets hold Otto's reader against it.
namespace otto::fuzz {

struct SimpleChunks {
    bool complete = false;   // else: cut off or malformed
    std::string payload;     // as far as it can be told
    std::size_t length = 0;  // of the whole, when complete
    std::size_t chunks = 0;
    std::string trailer;  // the trailer section's lines with their CRLFs, when complete
};

class SimpleChunksReader {
  public:
    static SimpleChunks read(std::string_view text, bool padded_sizes = false) {
        SimpleChunksReader reader(text, padded_sizes);
        reader.result_.complete = reader.body();
        reader.result_.length = reader.at_;
        return reader.result_;
    }

  private:
    SimpleChunksReader(std::string_view text, bool padded_sizes)
        : text_(text), padded_sizes_(padded_sizes) {}

    static bool in(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
    static bool is_tchar(char c) {
        return in(c,
                  "!#$%&'*+-.^_`|~0123456789"
                  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    }
    static bool is_text(char c) { return c == '\t' || (c >= ' ' && c <= '~'); }

    bool more() const { return at_ < text_.size(); }
    bool take(std::string_view expected) {
        if (text_.substr(at_, expected.size()) != expected) return false;
        at_ += expected.size();
        return true;
    }
    void skip_blanks() {
        while (more() && in(text_[at_], " \t")) ++at_;
    }
    bool token() {
        const std::size_t start = at_;
        while (more() && is_tchar(text_[at_])) ++at_;
        return at_ > start;
    }
    bool quoted() {
        while (more() && is_text(text_[at_])) {
            const char c = text_[at_++];
            if (c == '"') return true;
            if (c == '\\' && (!more() || !is_text(text_[at_++]))) return false;
        }
        return false;
    }

    bool size(std::uint64_t& size) {
        const std::size_t start = at_;
        for (; more() && in(text_[at_], "0123456789abcdefABCDEF"); ++at_) {
            const char c = text_[at_];
            const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
            size = size * 16 + static_cast<unsigned>(digit);
        }
        return at_ > start && at_ - start <= 16 && size < std::uint64_t{1} << 63;
    }

    bool padding() {
        const std::size_t before = at_;
        skip_blanks();
        if (!padded_sizes_ || text_.substr(at_, 2) != "\r\n") at_ = before;
        return true;
    }

    bool extensions() {
        for (;;) {
            const std::size_t before = at_;
            skip_blanks();
            if (!take(";")) {
                at_ = before;
                return true;
            }
            skip_blanks();
            if (!token()) return false;
            const std::size_t after_name = at_;
            skip_blanks();
            if (!take("=")) {
                at_ = after_name;
                continue;
            }
            skip_blanks();
            if (take("\"") ? !quoted() : !token()) return false;
        }
    }

    bool body() {
        for (;;) {
            const std::size_t start = at_;
            std::uint64_t length = 0;
            if (!size(length) || !padding() || !extensions() || !take("\r\n") || at_ - start > 8192)
                return false;
            if (length == 0) return trailer();
            const std::string_view chunk = text_.substr(at_, length);
            if (!chunk.empty()) ++result_.chunks;
            result_.payload += chunk;
            at_ += chunk.size();
            if (chunk.size() < length || !take("\r\n")) return false;
        }
    }

    bool trailer() {
        const std::size_t start = at_;
        while (!take("\r\n")) {
            if (!token() || !take(":")) return false;
            while (more() && (is_text(text_[at_]) || (text_[at_] & 0x80) != 0)) ++at_;
            if (!take("\r\n")) return false;
        }
        result_.trailer = text_.substr(start, at_ - start - 2);
        return at_ - start <= 8192;
    }

    std::string_view text_;
    bool padded_sizes_;
    std::size_t at_ = 0;
    SimpleChunks result_;
};

/// Whether `trailer` has a line that Otto refuses there.
inline bool misleads(std::string_view trailer) {
    std::string lines = "\n";
    for (const char c : trailer) lines += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    for (const char* name : {"\ncontent-length:", "\ntransfer-encoding:", "\nhost:"})
        if (lines.find(name) != std::string::npos) return true;
    return false;
}

}  // namespace otto::fuzz
