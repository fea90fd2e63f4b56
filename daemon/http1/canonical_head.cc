#include "http1/canonical_head.h"

#include <algorithm>

#include "http/characters.h"
#include "http/fields.h"

namespace otto::http1 {

using namespace http;

namespace {

constexpr std::string_view line_end = "\r\n";

/// Writes the lines of one head.
class CanonicalLines {
  public:
    explicit CanonicalLines(std::string& out) : out_(out) {}

    void add_status(std::string_view line) {
        constexpr std::size_t version = 9;  // "HTTP/1.1 "
        const std::string_view start = line.substr(0, version);
        line.remove_prefix(start.size());
        if (start.ends_with(' ') && line.starts_with(' ')) line.remove_prefix(1);
        out_.append(start).append(line);
    }

    /// A field line, or one that folds the field before it. Null, or what is wrong with it.
    const char* add(std::string_view line) {
        if (is_blank(line.front())) return fold(trim(line));
        const std::size_t colon = std::min(line.find(':'), line.size());
        std::string_view name = line.substr(0, colon);
        while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
        const FieldId id = field_id(name);
        frames_ = id == FieldId::content_length || id == FieldId::transfer_encoding;
        if (frames_ && name.size() != colon)
            return "white space before the colon of a framing field";
        has_field_ = true;
        out_.append(name);
        if (colon != line.size()) out_.append(": ").append(trim(line.substr(colon + 1)));
        out_.append(line_end);
        return nullptr;
    }

  private:
    const char* fold(std::string_view rest) {
        if (!has_field_) return "a folded line without a field";
        if (frames_) return "a folded framing field";
        out_.resize(out_.size() - line_end.size());
        if (!rest.empty() && out_.back() != ' ') out_ += ' ';
        out_.append(rest).append(line_end);
        return nullptr;
    }

    std::string& out_;
    bool has_field_ = false;
    bool frames_ = false;  // the last field decides where the body ends
};

}  // namespace

CanonicalHead canonical_head(std::string_view input, std::string& out) {
    out.clear();
    CanonicalLines lines(out);
    for (std::size_t at = 0;;) {
        const std::size_t lf = input.find('\n', at);
        std::string_view line = input.substr(at, lf - at);
        if (lf == std::string_view::npos) {
            if (at == 0) lines.add_status(line);
            return {};
        }
        if (line.ends_with('\r')) line.remove_suffix(1);
        const bool first = at == 0;
        at = lf + 1;
        if (first) {
            lines.add_status(line);
            out.append(line_end);
        } else if (line.empty()) {
            out.append(line_end);
            return {at, nullptr};
        } else if (const char* wrong = lines.add(line)) {
            return {0, wrong};
        }
    }
}

}  // namespace otto::http1
