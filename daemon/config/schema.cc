#include "config/schema.h"

#include <string_view>

#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include "config/keys.h"

namespace otto {

namespace {

constexpr std::string_view duration_pattern = "^[0-9]+(ms|s|m|h)$";
constexpr std::string_view size_pattern = "^[0-9]+(KiB|MiB|GiB)$";
constexpr std::string_view rate_pattern = "^[0-9]+(B|KiB|MiB)/s$";
constexpr std::string_view status_pattern = "^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$";
constexpr std::string_view listen_pattern = R"(^([0-9.]+|\[[0-9A-Fa-f:.]+\])?:[0-9]{1,5}$)";
constexpr std::string_view local_listen_pattern =
    R"(^(((127[0-9.]+|\[[0-9A-Fa-f:.]+\])?:[0-9]{1,5})|[Uu][Nn][Ii][Xx]:[/@].+)$)";
constexpr std::string_view token_pattern = "^[0-9A-Za-z!#$%&'*+.^_`|~-]+$";
constexpr std::string_view file_pattern = "^/.*[^/]$";
constexpr std::string_view url_pattern = "^([Hh][Tt][Tt][Pp]://|[Uu][Nn][Ii][Xx]:[/@]).";

/// Writes the schema of one key after another into a buffer.
class SchemaWriter {
  public:
    SchemaWriter() { writer_.SetIndent(' ', 2); }

    std::string document() {
        writer_.StartObject();
        member("$schema", "https://json-schema.org/draft/2020-12/schema");
        member("title", "config.json of otto(8)");
        object("");
        writer_.EndObject();
        return std::string(buffer_.GetString(), buffer_.GetSize()) + "\n";
    }

  private:
    void key(std::string_view name) {
        writer_.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
    }
    void text(std::string_view value) {
        writer_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
    }
    void member(std::string_view name, std::string_view value) {
        key(name);
        text(value);
    }
    void member(std::string_view name, std::uint64_t value) {
        key(name);
        writer_.Uint64(value);
    }
    void string_type(std::string_view pattern) {
        member("type", "string");
        member("pattern", pattern);
    }
    void integer_type(const Key& row) {
        member("type", "integer");
        member("minimum", row.min);
        member("maximum", row.max);
    }

    void object(std::string_view pointer) {
        member("type", "object");
        key("properties");
        writer_.StartObject();
        for (const Key* row : keys_inside(pointer)) property(*row);
        writer_.EndObject();
        key("additionalProperties");
        writer_.Bool(false);
        if (pointer.empty()) required("servers");
        if (pointer == "/servers/*") required("url");
    }

    void required(std::string_view name) {
        key("required");
        writer_.StartArray();
        text(name);
        writer_.EndArray();
    }

    void property(const Key& row) {
        key(row.name());
        writer_.StartObject();
        std::string about(row.about);
        if (!row.range().empty() && !is_list(row)) about += " From " + row.range() + ".";
        if (!row.reloads) about += " A change takes effect after a restart.";
        member("description", about);
        type_of(row);
        if (!row.fallback.empty()) {
            key("default");
            writer_.RawValue(row.fallback.data(), row.fallback.size(), rapidjson::kStringType);
        }
        writer_.EndObject();
    }

    static bool is_list(const Key& row) {
        return row.type == KeyType::listens || row.type == KeyType::servers ||
               row.type == KeyType::cidrs || row.type == KeyType::statuses;
    }

    void list_type(const Key& row) {
        member("type", "array");
        member("minItems", row.min);
        member("maxItems", row.max);
        key("items");
    }

    void type_of(const Key& row) {
        switch (row.type) {
            case KeyType::object:
                return object(row.pointer);
            case KeyType::count:
                return integer_type(row);
            case KeyType::size:
                return either([&, this] { integer_type(row); },
                              [this] { string_type(size_pattern); });
            case KeyType::rate:
                return either([&, this] { integer_type(row); },
                              [this] { string_type(rate_pattern); });
            case KeyType::duration:
                return string_type(duration_pattern);
            case KeyType::boolean:
                return member("type", "boolean");
            case KeyType::choice:
                return choice(row);
            case KeyType::path:
                return string_type("^/");
            case KeyType::host:
                return member("type", "string");
            case KeyType::status:
                return string_type(status_pattern);
            case KeyType::text:
                member("type", "string");
                member("minLength", row.min);
                return member("maxLength", row.max);
            case KeyType::token:
                string_type(token_pattern);
                return member("maxLength", row.max);
            case KeyType::local_listens:
                return either([this] { string_type(local_listen_pattern); },
                              [&, this] {
                                  list_type(row);
                                  writer_.StartObject();
                                  string_type(local_listen_pattern);
                                  writer_.EndObject();
                              });
            case KeyType::log_target:
                return either([&, this] { choice(row); }, [this] { string_type(file_pattern); });
            case KeyType::fraction:
                member("type", "number");
                member("minimum", row.min);
                return member("maximum", row.max);
            case KeyType::server_url:
                return string_type(url_pattern);
            case KeyType::listens:
                return either([this] { string_type(listen_pattern); },
                              [&, this] {
                                  list_type(row);
                                  writer_.StartObject();
                                  string_type(listen_pattern);
                                  writer_.EndObject();
                              });
            case KeyType::servers:
                return servers(row);
            case KeyType::cidrs:
                list_type(row);
                writer_.StartObject();
                string_type("^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$");
                writer_.EndObject();
                return;
            case KeyType::statuses:
                list_type(row);
                writer_.StartObject();
                member("type", "integer");
                member("minimum", std::uint64_t{least_error_status});
                member("maximum", std::uint64_t{greatest_error_status});
                writer_.EndObject();
                return;
        }
    }

    void choice(const Key& row) {
        key("enum");
        writer_.StartArray();
        for (const std::string_view word : row.choice_list()) text(word);
        writer_.EndArray();
    }

    void servers(const Key& row) {
        list_type(row);
        writer_.StartObject();
        either([this] { string_type(url_pattern); }, [this] { object("/servers/*"); });
        writer_.EndObject();
    }

    template <typename First, typename Second>
    void either(const First& first, const Second& second) {
        key("oneOf");
        writer_.StartArray();
        writer_.StartObject();
        first();
        writer_.EndObject();
        writer_.StartObject();
        second();
        writer_.EndObject();
        writer_.EndArray();
    }

    rapidjson::StringBuffer buffer_;
    rapidjson::PrettyWriter<rapidjson::StringBuffer> writer_{buffer_};
};

}  // namespace

std::string config_schema() {
    return SchemaWriter().document();
}

}  // namespace otto
