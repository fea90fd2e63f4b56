#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace otto {

/// A JSON value: read from a file or a request, or built, changed and written. Members keep their
/// order. A plain value of its owner.
struct Json {
    enum class Kind : std::uint8_t { null, boolean, number, string, list, object };

    Kind kind = Kind::null;
    // Of values that were parsed, in bytes of the source.
    std::uint32_t begin = 0;      // the first byte
    std::uint32_t end = 0;        // one past the last
    std::uint32_t key_begin = 0;  // of members: the opening quote of the key
    std::string key;              // of members, decoded
    std::string text;             // strings decoded; numbers and booleans as they are spelt
    std::vector<Json> children;

    /// Strict JSON (RFC 8259) within the bounds of parse_json(), without duplicate keys. The Error
    /// begins with line and column.
    static Result<Json> parse(std::string_view source);
    /// The same with another bound of the values.
    static Result<Json> parse(std::string_view source, std::size_t most_values);

    static Json object() { return of(Kind::object, ""); }
    static Json list() { return of(Kind::list, ""); }
    static Json string(std::string_view value) { return of(Kind::string, value); }
    static Json boolean(bool value) { return of(Kind::boolean, value ? "true" : "false"); }
    static Json number(std::uint64_t value) { return of(Kind::number, std::to_string(value)); }
    static Json decimal(double value, unsigned digits = 1);

    /// The value as it is spelt in the `source` that it was parsed from.
    std::string_view spelling(std::string_view source) const {
        return source.substr(begin, end - begin);
    }

    bool is_null() const { return kind == Kind::null; }
    bool is_string() const { return kind == Kind::string; }
    bool is_list() const { return kind == Kind::list; }
    bool is_object() const { return kind == Kind::object; }
    bool is_true() const { return kind == Kind::boolean && text == "true"; }

    /// The member of an object; null when there is none, or this is no object.
    const Json* find(std::string_view name) const;
    /// The text of a member; "" when there is none.
    std::string_view text_of(std::string_view name) const;
    /// Replaces the member, or adds it at the end.
    Json& set(std::string_view name, Json value);
    void erase(std::string_view name);
    Json& add(Json value);

    /// On one line.
    std::string compact() const;
    /// Indented by two, with a final newline. Lists and objects without others inside stay on one
    /// line where they fit.
    std::string pretty() const;

    /// The order of members counts; neither the key that a value itself stands under does, nor
    /// where it stood.
    bool operator==(const Json& other) const;

  private:
    static Json of(Kind kind, std::string_view text);
};

/// Writes a value as Json::pretty() does, but in pieces, for values that are large. The value
/// outlives it.
class PrettyWriter {
  public:
    /// `indent`: of the line that the value begins on, which is not written.
    explicit PrettyWriter(const Json& json, std::size_t indent = 0);

    /// Adds about a hundred members to `out`; false when the value is complete. There is no final
    /// newline.
    bool step(std::string& out);

  private:
    /// A list or object whose members stand on lines of their own.
    struct Open {
        const Json* json;
        std::size_t next;  // of its children
        std::size_t indent;
    };

    void begin(std::string& out, const Json& json, std::size_t indent);

    const Json* json_;  // null once it has been begun
    const std::size_t indent_;
    std::vector<Open> open_;
};

}  // namespace otto
