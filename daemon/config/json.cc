#include "config/json.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "config/json_tree.h"
#include "config/wording.h"

namespace otto {

namespace {

constexpr std::size_t short_line = 80;

std::string position(std::string_view source, std::size_t offset) {
    const std::string_view before = source.substr(0, offset);
    const auto line = std::ranges::count(before, '\n') + 1;
    const auto start = before.rfind('\n');
    const auto column = start == std::string_view::npos ? offset + 1 : offset - start;
    return fmt::format("line {}, column {}: ", line, column);
}

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void write_text(Writer& writer, const std::string& text) {
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void write(Writer& writer, const Json& json) {
    switch (json.kind) {
        case Json::Kind::null:
            writer.Null();
            return;
        case Json::Kind::boolean:
        case Json::Kind::number:
            writer.RawValue(json.text.data(), json.text.size(), rapidjson::kNumberType);
            return;
        case Json::Kind::string:
            write_text(writer, json.text);
            return;
        case Json::Kind::list:
            writer.StartArray();
            for (const Json& child : json.children) write(writer, child);
            writer.EndArray();
            return;
        case Json::Kind::object:
            writer.StartObject();
            for (const Json& child : json.children) {
                write_text(writer, child.key);
                write(writer, child);
            }
            writer.EndObject();
            return;
    }
}

/// Most texts are plain, and need no writer of their own.
void append_text(std::string& out, const std::string& text) {
    const bool plain = std::ranges::none_of(text, [](char each) {
        return static_cast<unsigned char>(each) < 0x20 || each == '"' || each == '\\';
    });
    if (plain) {
        out.append(1, '"').append(text).append(1, '"');
    } else {
        out += Json::string(text).compact();
    }
}

/// As compact(), with a space after each comma and colon.
void append_on_one_line(std::string& out, const Json& json) {
    switch (json.kind) {
        case Json::Kind::null:
            out += "null";
            return;
        case Json::Kind::boolean:
        case Json::Kind::number:
            out += json.text;
            return;
        case Json::Kind::string:
            append_text(out, json.text);
            return;
        case Json::Kind::list:
        case Json::Kind::object:
            break;
    }
    out += json.is_list() ? "[" : "{ ";
    for (const Json& child : json.children) {
        if (&child != &json.children.front()) out += ", ";
        if (json.is_object()) {
            append_text(out, child.key);
            out += ": ";
        }
        append_on_one_line(out, child);
    }
    out += json.is_list() ? "]" : " }";
}

/// Whether a list or object without others inside fits, which has then been added.
bool fits_on_one_line(std::string& out, const Json& json, std::size_t indent) {
    if (json.children.size() > short_line) return false;
    if (std::ranges::any_of(json.children,
                            [](const Json& child) { return child.is_list() || child.is_object(); }))
        return false;
    const std::size_t before = out.size();
    append_on_one_line(out, json);
    if (out.size() - before + indent <= short_line) return true;
    out.resize(before);
    return false;
}

}  // namespace

PrettyWriter::PrettyWriter(const Json& json, std::size_t indent) : json_(&json), indent_(indent) {}

bool PrettyWriter::step(std::string& out) {
    constexpr unsigned at_once = 100;
    if (json_ != nullptr) begin(out, *std::exchange(json_, nullptr), indent_);
    for (unsigned written = 0; written < at_once && !open_.empty(); ++written) {
        Open& open = open_.back();
        const Json& json = *open.json;
        if (open.next == json.children.size()) {
            out += "\n" + std::string(open.indent, ' ') + (json.is_list() ? "]" : "}");
            open_.pop_back();
            continue;
        }
        out += open.next == 0 ? "\n" : ",\n";
        const Json& child = json.children[open.next++];
        const std::size_t indent = open.indent + 2;
        out.append(indent, ' ');
        if (json.is_object()) {
            append_text(out, child.key);
            out += ": ";
        }
        begin(out, child, indent);
    }
    return !open_.empty();
}

void PrettyWriter::begin(std::string& out, const Json& json, std::size_t indent) {
    if (json.children.empty()) {
        if (json.is_object()) {
            out += "{}";
        } else {
            append_on_one_line(out, json);
        }
        return;
    }
    if (indent != 0 && fits_on_one_line(out, json, indent)) return;
    out += json.is_list() ? "[" : "{";
    open_.push_back({&json, 0, indent});
}

Json Json::of(Kind kind, std::string_view text) {
    Json json;
    json.kind = kind;
    json.text = text;
    return json;
}

Json Json::decimal(double value, unsigned digits) {
    return of(Kind::number, fmt::format("{:.{}f}", value, digits));
}

Result<Json> Json::parse(std::string_view source) {
    return parse(source, most_json_values);
}

Result<Json> Json::parse(std::string_view source, std::size_t most_values) {
    auto parsed = parse_json(source, most_values);
    if (const auto* fault = std::get_if<JsonFault>(&parsed))
        return Error{position(source, fault->offset) + fault->message};
    auto& value = std::get<Json>(parsed);
    if (const auto twice = find_duplicate_key(value))
        return Error{position(source, twice->offset) + twice->message};
    return std::move(value);
}

const Json* Json::find(std::string_view name) const {
    if (!is_object()) return nullptr;
    const auto found = std::ranges::find(children, name, &Json::key);
    return found == children.end() ? nullptr : &*found;
}

std::string_view Json::text_of(std::string_view name) const {
    const Json* member = find(name);
    return member == nullptr ? std::string_view() : std::string_view(member->text);
}

Json& Json::set(std::string_view name, Json value) {
    value.key = name;
    const auto found = std::ranges::find(children, name, &Json::key);
    if (found == children.end()) {
        children.push_back(std::move(value));
    } else {
        *found = std::move(value);
    }
    return *this;
}

void Json::erase(std::string_view name) {
    std::erase_if(children, [name](const Json& child) { return child.key == name; });
}

Json& Json::add(Json value) {
    value.key.clear();
    children.push_back(std::move(value));
    return *this;
}

std::string Json::compact() const {
    rapidjson::StringBuffer buffer;
    Writer writer(buffer);
    write(writer, *this);
    return {buffer.GetString(), buffer.GetSize()};
}

std::string Json::pretty() const {
    std::string out;
    PrettyWriter writer(*this);
    while (writer.step(out)) {
    }
    return out + "\n";
}

bool Json::operator==(const Json& other) const {
    if (kind != other.kind || text != other.text || children.size() != other.children.size())
        return false;
    for (std::size_t at = 0; at < children.size(); ++at)
        if (children[at].key != other.children[at].key || children[at] != other.children[at])
            return false;
    return true;
}

}  // namespace otto
