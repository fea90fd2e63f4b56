#include "config/json_tree.h"

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include <rapidjson/error/error.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include "config/utf8.h"
#include "config/wording.h"

namespace otto {

namespace {

constexpr std::size_t max_depth = 32;
constexpr auto npos = std::string_view::npos;

/// RapidJSON's events, turned into a tree. The reader tells no positions, but each event comes
/// right after its last byte was taken, and between two events lie only spaces, commas and colons:
/// so each token's first byte is known.
class TreeBuilder {
  public:
    TreeBuilder(std::string_view source, const rapidjson::MemoryStream& stream,
                std::size_t most_values)
        : source_(source), stream_(stream), most_values_(most_values) {}

    bool Null() { return add(Json::Kind::null) != nullptr; }
    bool Bool(bool) { return spelt(Json::Kind::boolean); }
    bool Int(int) { return number(); }
    bool Uint(unsigned) { return number(); }
    bool Int64(std::int64_t) { return number(); }
    bool Uint64(std::uint64_t) { return number(); }
    bool Double(double) { return number(); }
    bool RawNumber(const char*, rapidjson::SizeType, bool) { return number(); }
    bool String(const char* text, rapidjson::SizeType length, bool) {
        Json* value = add(Json::Kind::string);
        if (value == nullptr) return false;
        value->text.assign(text, length);
        return whole(value->text, value->begin);
    }
    bool Key(const char* text, rapidjson::SizeType length, bool) {
        key_.assign(text, length);
        key_begin_ = token_begin();
        last_end_ = stream_.Tell();
        return whole(key_, key_begin_);
    }
    bool StartObject() { return open(Json::Kind::object); }
    bool StartArray() { return open(Json::Kind::list); }
    bool EndObject(rapidjson::SizeType) { return close(); }
    bool EndArray(rapidjson::SizeType) { return close(); }

    const std::optional<JsonFault>& fault() const { return fault_; }
    Json take_root() { return std::move(root_); }

  private:
    std::uint32_t token_begin() const {
        return static_cast<std::uint32_t>(source_.find_first_not_of(" \t\r\n,:", last_end_));
    }

    bool refuse(std::size_t offset, std::string message) {
        fault_ = JsonFault{offset, std::move(message)};
        return false;
    }

    // The text itself was checked before; only a lone \uDC00 escape, which RapidJSON lets pass, can
    // spoil a string.
    bool whole(std::string_view text, std::size_t offset) {
        if (find_invalid_utf8(text) == npos) return true;
        return refuse(offset, "a \\u escape in this string is half of a surrogate pair");
    }

    bool number() { return spelt(Json::Kind::number); }

    bool spelt(Json::Kind kind) {
        Json* value = add(kind);
        if (value != nullptr) value->text = value->spelling(source_);
        return value != nullptr;
    }

    Json* add(Json::Kind kind) {
        const std::uint32_t begin = token_begin();
        if (++count_ > most_values_) {
            refuse(begin, "more than " + std::to_string(most_values_) + " values");
            return nullptr;
        }
        Json* value = &root_;
        if (!open_.empty()) value = &open_.back()->children.emplace_back();
        value->kind = kind;
        value->begin = begin;
        last_end_ = stream_.Tell();
        value->end = static_cast<std::uint32_t>(last_end_);
        value->key = std::exchange(key_, {});
        value->key_begin = key_begin_;
        return value;
    }

    bool open(Json::Kind kind) {
        Json* value = add(kind);
        if (value == nullptr) return false;
        if (open_.size() >= max_depth)
            return refuse(value->begin, "more than " + std::to_string(max_depth) + " levels");
        open_.push_back(value);
        return true;
    }

    bool close() {
        last_end_ = stream_.Tell();
        open_.back()->end = static_cast<std::uint32_t>(last_end_);
        open_.pop_back();
        return true;
    }

    std::string_view source_;
    const rapidjson::MemoryStream& stream_;
    const std::size_t most_values_;
    Json root_;
    std::vector<Json*> open_;  // stays valid: a list grows only while nothing in it is open
    std::size_t last_end_ = 0;
    std::size_t count_ = 0;
    std::string key_;
    std::uint32_t key_begin_ = 0;
    std::optional<JsonFault> fault_;
};

std::string found(std::string_view source, std::size_t offset) {
    if (offset >= source.size()) return "the end of the file";
    const char byte = source[offset];
    if (byte == '\n' || byte == '\r') return "the end of the line";
    if (byte == '"') return "a string";
    std::size_t length = 1;
    while (offset + length < source.size() && (source[offset + length] & 0xc0) == 0x80) ++length;
    return quoted(source.substr(offset, length));
}

/// What people write into JSON most often although it does not belong there.
std::string hint(std::string_view source, std::size_t offset) {
    if (offset >= source.size()) return "";
    const auto before = source.find_last_not_of(" \t\r\n", offset == 0 ? 0 : offset - 1);
    const bool after_comma = offset > 0 && before != npos && source[before] == ',';
    switch (source[offset]) {
        case '/':
        case '#':
            return "; JSON has no comments";
        case '\'':
            return "; strings must be in double quotes";
        case '}':
        case ']':
            return after_comma ? "; remove the comma before it" : "";
        default:
            return "";
    }
}

std::string in_string(std::string_view source, std::size_t offset) {
    if (offset < source.size() && source[offset] == '\\')
        return "unknown escape in a string; a backslash itself is written as \\\\";
    return "expected the string's closing quote, found " + found(source, offset);
}

std::string explain(rapidjson::ParseErrorCode code, std::string_view source, std::size_t offset) {
    const std::string rest = ", found " + found(source, offset) + hint(source, offset);
    switch (code) {
        case rapidjson::kParseErrorDocumentRootNotSingular:
            return "expected the end of the file" + rest;
        case rapidjson::kParseErrorObjectMissName:
            return "expected a key in double quotes" + rest;
        case rapidjson::kParseErrorObjectMissColon:
            return "expected a colon after the key" + rest;
        case rapidjson::kParseErrorObjectMissCommaOrCurlyBracket:
            return "expected a comma or \"}\"" + rest;
        case rapidjson::kParseErrorArrayMissCommaOrSquareBracket:
            return "expected a comma or \"]\"" + rest;
        case rapidjson::kParseErrorStringUnicodeEscapeInvalidHex:
            return "expected four hexadecimal digits after \\u";
        case rapidjson::kParseErrorStringUnicodeSurrogateInvalid:
            return "a \\u escape in this string is half of a surrogate pair";
        case rapidjson::kParseErrorStringEscapeInvalid:
        case rapidjson::kParseErrorStringMissQuotationMark:
        case rapidjson::kParseErrorStringInvalidEncoding:
            return in_string(source, offset);
        case rapidjson::kParseErrorNumberTooBig:
            return "this number is too big";
        case rapidjson::kParseErrorNumberMissFraction:
            return "expected a digit after the decimal point" + rest;
        case rapidjson::kParseErrorNumberMissExponent:
            return "expected a digit in the exponent" + rest;
        case rapidjson::kParseErrorNone:
        case rapidjson::kParseErrorDocumentEmpty:
        case rapidjson::kParseErrorValueInvalid:
        case rapidjson::kParseErrorTermination:
        case rapidjson::kParseErrorUnspecificSyntaxError:
            break;
    }
    return "expected a value" + rest;
}

/// What is wrong with the bytes, before any of them is taken for JSON.
std::optional<JsonFault> check_bytes(std::string_view source) {
    if (source.substr(0, 3) == "\xef\xbb\xbf")
        return JsonFault{0, "the file starts with a byte order mark; save it as UTF-8 without one"};
    if (const auto bad = find_invalid_utf8(source); bad != npos)
        return JsonFault{bad, "this byte is not UTF-8"};
    if (const auto zero = source.find('\0'); zero != npos)
        return JsonFault{zero, "JSON must not contain a NUL byte"};
    if (source.find_first_not_of(" \t\r\n") == npos)
        return JsonFault{0, "expected a JSON object, found an empty file"};
    return std::nullopt;
}

}  // namespace

std::variant<Json, JsonFault> parse_json(std::string_view source, std::size_t most_values) {
    if (auto fault = check_bytes(source)) return *std::move(fault);
    rapidjson::MemoryStream stream(source.data(), source.size());
    TreeBuilder builder(source, stream, most_values);
    rapidjson::Reader reader;
    reader.Parse<rapidjson::kParseNumbersAsStringsFlag>(stream, builder);
    if (builder.fault()) return *builder.fault();
    if (!reader.HasParseError()) return builder.take_root();
    const std::size_t offset = reader.GetErrorOffset();
    return JsonFault{offset, explain(reader.GetParseErrorCode(), source, offset)};
}

std::optional<JsonFault> find_duplicate_key(const Json& value) {
    std::unordered_set<std::string_view> seen;
    for (const Json& child : value.children) {
        if (value.kind == Json::Kind::object && !seen.insert(child.key).second)
            return JsonFault{child.key_begin, "duplicate key " + quoted(child.key)};
        if (auto fault = find_duplicate_key(child)) return fault;
    }
    return std::nullopt;
}

std::string pointer_to(const std::string& pointer, std::string_view member) {
    std::string longer = pointer + "/";
    for (const char byte : member) {
        if (byte == '~') {
            longer += "~0";
        } else if (byte == '/') {
            longer += "~1";
        } else {
            longer += byte;
        }
    }
    return longer;
}

std::string pointer_to(const std::string& pointer, std::size_t element) {
    return pointer + "/" + std::to_string(element);
}

}  // namespace otto
